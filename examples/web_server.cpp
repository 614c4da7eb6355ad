// SPDX-License-Identifier: Apache-2.0
//
// A web server that records what its visitors look at. Request threads only push into the
// recorder's queue: they never wait for the service, and answer all the same when it is away.
//
//   AWS_REGION=eu-west-1 ./web_server TRACKING_ID [PORT]
//   curl -H 'Session-Id: s-1' -H 'User-Id: u-1' http://127.0.0.1:PORT/tent
//
// Needs Boost's headers besides the library. Ctrl-C, or SIGTERM, ends it.
#include <personalize_events/personalize_events.hpp>

#include <boost/asio.hpp>
#include <boost/beast.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pe = personalize_events;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

// The shop: one page for each item. What identifies a visitor stands in headers here, in a cookie
// elsewhere.
//! [page]
http::response<http::string_body> page(const http::request<http::empty_body>& request,
                                       pe::EventSink& events) {
  const std::string item{request.target().substr(1)};
  pe::Session visitor{std::string{request["Session-Id"]}};
  if (request.find("User-Id") != request.end()) visitor.user_id = std::string{request["User-Id"]};

  pe::Event view{"View"};
  view.item_id = item;
  auto taken = events.record(visitor, std::move(view));

  http::response<http::string_body> response{http::status::ok, request.version()};
  if (!taken && taken.error().kind == pe::ErrorKind::InvalidArgument) {
    response.result(http::status::bad_request);
    response.body() = pe::to_string(taken.error()) + "\n";
  } else {
    // No room for the event is no reason to show the visitor an error.
    response.body() = item + " for sale\n";
  }
  response.keep_alive(false);
  response.prepare_payload();
  return response;
}
//! [page]

// One connection with one request.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::ip::tcp::socket socket, pe::EventSink& events)
      : stream_(std::move(socket)), events_(events) {}

  void start() {
    stream_.expires_after(std::chrono::seconds{5});
    http::async_read(stream_, buffer_, request_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (!error) self->answer();
                     });
  }

 private:
  void answer() {
    response_ = page(request_, events_);
    http::async_write(stream_, response_,
                      [self = shared_from_this()](beast::error_code, std::size_t) {});
  }

  beast::tcp_stream stream_;
  pe::EventSink& events_;
  beast::flat_buffer buffer_{};
  http::request<http::empty_body> request_{};
  http::response<http::string_body> response_{};
};

// Each connection on any thread; the acceptor itself on its strand.
void accept(asio::ip::tcp::acceptor& acceptor, asio::io_context& io, pe::EventSink& events) {
  acceptor.async_accept(io, [&](beast::error_code error, asio::ip::tcp::socket socket) {
    if (!acceptor.is_open()) return;
    if (!error) std::make_shared<Connection>(std::move(socket), events)->start();
    accept(acceptor, io, events);
  });
}

int main(int argc, char** argv) {
  auto options = pe::RecorderOptions::server(argc > 1 ? argv[1] : "tracking-id");
  options.on_delivery = [](const pe::Delivery& delivery) {
    if (delivery.error) std::fprintf(stderr, "%s\n", pe::to_string(*delivery.error).c_str());
  };
  options.on_fault = [](const pe::Fault& fault) {
    std::fprintf(stderr, "%s%s\n", fault.cleared ? "over: " : "",
                 pe::to_string(fault.error).c_str());
  };
  auto recorder = pe::make_recorder(options);
  if (!recorder) {
    std::fprintf(stderr, "%s\n", pe::to_string(recorder.error()).c_str());
    return 1;
  }

  asio::io_context io;
  const auto port = static_cast<unsigned short>(argc > 2 ? std::atoi(argv[2]) : 0);
  asio::ip::tcp::acceptor acceptor{asio::make_strand(io), {asio::ip::address_v4::loopback(), port}};
  std::printf("http://127.0.0.1:%d\n", static_cast<int>(acceptor.local_endpoint().port()));
  std::fflush(stdout);
  accept(acceptor, io, *recorder);

  // run() returns when the acceptor is closed and the connections that are open have ended.
  asio::signal_set signals{acceptor.get_executor(), SIGINT, SIGTERM};
  signals.async_wait([&](beast::error_code, int) { acceptor.close(); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&io] { io.run(); });
  for (std::thread& thread : threads) thread.join();

  // After the last request, so that nothing it recorded is missing.
  const auto report = recorder->close(std::chrono::seconds{5});
  const auto stats = recorder->stats();
  std::printf("%llu events recorded, %llu delivered, %llu dropped\n",
              static_cast<unsigned long long>(stats.recorded),
              static_cast<unsigned long long>(stats.delivered),
              static_cast<unsigned long long>(stats.dropped));
  return report.complete && stats.dropped == 0 ? 0 : 1;
}
