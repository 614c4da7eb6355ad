// SPDX-License-Identifier: Apache-2.0
//
// testing::LocalEndpoint: a Personalize Events endpoint on loopback, for the tests of applications
// and for our own. This header puts EndpointService behind a Boost.Beast server and decides nothing
// itself. Opt-in: it needs Boost's headers, exceptions, and ten seconds to compile.
#ifndef PERSONALIZE_EVENTS_TESTING_LOCAL_ENDPOINT_HPP
#define PERSONALIZE_EVENTS_TESTING_LOCAL_ENDPOINT_HPP

// GCC reports a null dereference inside Boost.Asio once it inlines, system header or not.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/socket_base.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#pragma GCC diagnostic pop

#include <boost/beast/http/verb.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/testing/endpoint_handle.hpp"
#include "personalize_events/detail/testing/endpoint_plan.hpp"
#include "personalize_events/detail/testing/endpoint_service.hpp"
#include "personalize_events/detail/testing/signature_check.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

namespace endpoint {

using boost::asio::ip::tcp;
using boost::beast::error_code;

/// A parsed request as plain data. Header names and values are as they came.
[[nodiscard]] inline HttpRequest plain_request(
    const boost::beast::http::request<boost::beast::http::string_body>& message) {
  HttpRequest request{std::string(message.method_string()), std::string(message.target())};
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  request.body = message.body();
  return request;
}

/// What the service answers to a message that Beast could not read.
[[nodiscard]] inline Error unreadable(error_code error) {
  namespace http = boost::beast::http;
  if (error == http::error::body_limit) return EndpointService::too_large();
  if (error == http::error::header_limit) {
    return refusal(431, "RequestHeaderSectionTooLarge", "The head of the request is too large.");
  }
  return refusal(400, "MalformedHttpRequestException", "The request is not HTTP.");
}

/// The timers of connections that wait for events. Each is cancelled, which wakes it, whenever
/// another request has been looked at.
using Waiters = std::vector<std::weak_ptr<boost::asio::steady_timer>>;

/// One connection: reads a request, answers it, and begins again, until the other end closes, is
/// idle for too long, or sends what is not HTTP. Kept alive by its pending operation.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(tcp::socket socket, EndpointService& service, Waiters& waiters)
      : stream_(std::move(socket)),
        pause_(stream_.get_executor()),
        wait_(stream_.get_executor()),
        service_(service),
        waiters_(waiters) {}

  void start() {
    error_code ignored;  // without it answers come later, no different
    stream_.socket().set_option(tcp::no_delay(true), ignored);
    read_head();
  }

 private:
  using Body = boost::beast::http::string_body;
  static constexpr std::uint32_t kMaxHead = 16 * 1024;
  static constexpr std::chrono::seconds kLinger{2};
  static constexpr std::size_t kBlanks = 4096;

  void read_head() {
    parser_.emplace();
    parser_->header_limit(kMaxHead);
    parser_->body_limit(EndpointService::kMaxBody);
    stream_.expires_after(service_.options().idle_timeout);
    boost::beast::http::async_read_header(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->head_was_read(error); });
  }

  void head_was_read(error_code error) {
    if (error) return refuse(error);
    const auto expect = parser_->get().find(boost::beast::http::field::expect);
    if (expect == parser_->get().end() ||
        !equal_header_names(std::string(expect->value()), "100-continue")) {
      return read_body();
    }
    interim_ = {boost::beast::http::status::continue_, parser_->get().version()};
    boost::beast::http::async_write(stream_, interim_,
                                    [self = shared_from_this()](error_code failed, std::size_t) {
                                      if (!failed) self->read_body();
                                    });
  }

  void read_body() {
    boost::beast::http::async_read(
        stream_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->body_was_read(error); });
  }

  void body_was_read(error_code error) {
    if (error) return refuse(error);
    // The answer to a HEAD has a body all the same, which the end of the connection cuts off.
    const bool keep_alive =
        parser_->get().keep_alive() && parser_->get().method() != boost::beast::http::verb::head;
    plan_ = service_.plan(plain_request(parser_->get()));
    wake_waiters();
    if (plan_.wait) {
      wait_.expires_after(plan_.wait->timeout);
      return wait(keep_alive);
    }
    if (plan_.delay == std::chrono::milliseconds::zero()) return send(keep_alive);
    pause_.expires_after(plan_.delay);
    pause_.async_wait([self = shared_from_this(), keep_alive](error_code failed) {
      if (!failed) self->send(keep_alive);
    });
  }

  void wake_waiters() {
    Waiters waiting;
    waiting.swap(waiters_);
    for (const auto& each : waiting) {
      if (const auto timer = each.lock()) timer->cancel();
    }
  }

  /// Waits for events or the end of the time, and asks again for the answer, which has changed.
  void wait(bool keep_alive) {
    const bool is_over = wait_.expiry() <= std::chrono::steady_clock::now();
    if (is_over || service_.records().summary().events >= plan_.wait->events) {
      return write(service_.answer(plain_request(parser_->get())), keep_alive);
    }
    waiters_.push_back(std::shared_ptr<boost::asio::steady_timer>(shared_from_this(), &wait_));
    wait_.async_wait(
        [self = shared_from_this(), keep_alive](error_code) { self->wait(keep_alive); });
  }

  void send(bool keep_alive) {
    switch (plan_.sending) {
      case Sending::Whole: return write(std::move(plan_.response), keep_alive);
      case Sending::ResetBefore:
      case Sending::ResetAfter: return reset();
      default: break;
    }
    bytes_ = faulty_bytes(plan_.response, plan_.sending);
    if (plan_.sending == Sending::Dripped) return drip(0);
    send_bytes();
  }

  /// A socket that is closed without lingering resets the connection.
  void reset() {
    error_code ignored;  // the other end may be gone already
    stream_.socket().set_option(boost::asio::socket_base::linger(true, 0), ignored);
    stream_.socket().close(ignored);
  }

  void send_bytes() {
    stream_.expires_after(service_.options().idle_timeout);
    boost::asio::async_write(stream_, boost::asio::buffer(bytes_),
                             [self = shared_from_this()](error_code failed, std::size_t) {
                               if (failed) return;
                               if (self->plan_.sending != Sending::Endless) return self->linger();
                               self->bytes_.assign(kBlanks, ' ');
                               self->send_bytes();
                             });
  }

  void drip(std::size_t position) {
    if (position == bytes_.size()) return linger();
    stream_.expires_after(service_.options().idle_timeout);
    boost::asio::async_write(stream_, boost::asio::buffer(&bytes_[position], 1),
                             [self = shared_from_this(), position](error_code failed, std::size_t) {
                               if (failed) return;
                               self->pause_.expires_after(self->plan_.drip_interval);
                               self->pause_.async_wait([self, position](error_code cancelled) {
                                 if (!cancelled) self->drip(position + 1);
                               });
                             });
  }

  /// A message that cannot be read is answered, and ends the connection; one that the other end
  /// gave up is not.
  void refuse(error_code error) {
    const bool is_malformed =
        error.category() == make_error_code(boost::beast::http::error::bad_method).category();
    const bool is_cut = error == boost::beast::http::error::end_of_stream ||
                        error == boost::beast::http::error::partial_message;
    if (!is_malformed || is_cut) return;
    write(service_.refuse(plain_request(parser_->get()), unreadable(error)), false);
  }

  void write(HttpResponse answer, bool keep_alive) {
    response_ = {};
    response_.version(parser_->get().version() == 10 ? 10 : 11);
    response_.result(static_cast<unsigned>(answer.status));
    for (const auto& [name, value] : answer.headers) response_.insert(name, value);
    response_.body() = std::move(answer.body);
    response_.keep_alive(keep_alive);
    response_.prepare_payload();
    stream_.expires_after(service_.options().idle_timeout);
    boost::beast::http::async_write(
        stream_, response_, [self = shared_from_this(), keep_alive](error_code error, std::size_t) {
          if (error) return;
          if (keep_alive) return self->read_head();
          self->linger();
        });
  }

  /// Closes in order: a socket that is closed with unread bytes resets the connection, and the
  /// other end may lose the answer.
  void linger() {
    error_code ignored;  // the other end may be gone already
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.expires_after(kLinger);
    drain();
  }

  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kMaxHead),
                            [self = shared_from_this()](error_code error, std::size_t) {
                              if (!error) self->drain();
                            });
  }

  boost::beast::tcp_stream stream_;
  boost::asio::steady_timer pause_;  ///< before an answer, and between the bytes of one
  boost::asio::steady_timer wait_;
  EndpointService& service_;
  Waiters& waiters_;
  EndpointPlan plan_{};
  std::string bytes_{};
  boost::beast::flat_buffer buffer_{};
  std::optional<boost::beast::http::request_parser<Body>> parser_{};
  boost::beast::http::response<boost::beast::http::empty_body> interim_{};
  boost::beast::http::response<Body> response_{};
};

/// Listens on 127.0.0.1, and runs all connections on one thread.
class BeastServer final : public Server {
 public:
  explicit BeastServer(std::shared_ptr<EndpointService> service)
      : service_(std::move(service)), acceptor_(pool_), retry_timer_(pool_) {}

  ~BeastServer() override {
    pool_.stop();
    pool_.join();
  }

  /// Begins to take connections, and answers the port.
  [[nodiscard]] Result<std::uint16_t> listen(std::uint16_t port) {
    const tcp::endpoint address{boost::asio::ip::address_v4::loopback(), port};
    error_code error;
    acceptor_.open(address.protocol(), error);
    // Else the port of an endpoint that was stopped is taken for a minute.
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(address, error);
    if (!error) acceptor_.listen(tcp::acceptor::max_listen_connections, error);
    if (error) {
      return detail::make_error(ErrorKind::Configuration, "LocalEndpointOptions::port",
                                "cannot listen on 127.0.0.1:" + std::to_string(port) + ": " +
                                    error.message() + "; choose another port, or 0 for a free one");
    }
    const std::uint16_t chosen = acceptor_.local_endpoint(error).port();
    if (error) {
      return detail::make_error(ErrorKind::Configuration, "LocalEndpointOptions::port",
                                "the port is unknown: " + error.message());
    }
    accept();
    return chosen;
  }

 private:
  void accept() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == boost::asio::error::operation_aborted) return;
      if (error) return accept_later();
      std::make_shared<Connection>(std::move(socket), *service_, waiters_)->start();
      accept();
    });
  }

  /// Without a free file descriptor accepting fails at once, again and again.
  void accept_later() {
    retry_timer_.expires_after(std::chrono::milliseconds{50});
    retry_timer_.async_wait([this](error_code error) {
      if (!error) accept();
    });
  }

  std::shared_ptr<EndpointService> service_;
  Waiters waiters_{};
  boost::asio::thread_pool pool_{1};  ///< one thread, so that connections need no lock
  tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_timer_;
};

}  // namespace endpoint

inline Result<LocalEndpoint> LocalEndpoint::start(LocalEndpointOptions options) {
  const std::uint16_t wanted = options.port;
  auto service = std::make_shared<EndpointService>(std::move(options));
  auto server = std::make_unique<endpoint::BeastServer>(service);
  const Result<std::uint16_t> port = server->listen(wanted);
  if (!port) return port.error();
  return LocalEndpoint{std::move(service), std::move(server), *port};
}

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
