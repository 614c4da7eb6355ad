// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/curl_async_transport.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "support/async_answers.hpp"
#include "support/few_descriptors.hpp"
#include "support/libcurl_version.hpp"
#include "support/raw_server.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::AsyncAnswers;
using test::RawConnection;
using test::RawServer;

namespace {

/// Not through a proxy of the environment in which the test runs.
pe::HttpRequest post(const std::string& url, const std::string& body = "{}") {
  pe::HttpRequest request{"POST", url, {{"Content-Type", "application/json"}}, body};
  request.timeout = std::chrono::seconds{15};
  request.direct = true;
  return request;
}

pe::HttpOptions connections(int most) {
  pe::HttpOptions options;
  options.max_connections = most;
  return options;
}

std::string place(const RawServer& server) { return "127.0.0.1:" + std::to_string(server.port()); }

/// Answers each request with its own body.
void echo(RawConnection& connection) {
  for (std::string seen = connection.read_request(); !seen.empty();
       seen = connection.read_request()) {
    const std::string body = seen.substr(seen.find("\r\n\r\n") + 4);
    if (!connection.send(test::http_response(200, body))) return;
  }
}

/// Reads a request and answers when the test says so.
void hold(RawConnection& connection) {
  while (!connection.read_request().empty() && connection.wait_for_release()) {
    if (!connection.send(test::http_response(200))) return;
  }
}

int open_descriptors() {
  int count = 0;
  for (int number = 0; number < 1000; ++number) count += ::fcntl(number, F_GETFD) != -1 ? 1 : 0;
  return count;
}

/// What the child of a fork did, as its exit status.
int status_of(pid_t child) {
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

void check_cancelled(const pe::Error& error, bool may_have_been_delivered) {
  CHECK(error.kind == pe::ErrorKind::Cancelled);
  CHECK_FALSE(error.retryable);
  CHECK(error.may_have_been_delivered == may_have_been_delivered);
  CHECK(error.connected == may_have_been_delivered);
}

}  // namespace

TEST_CASE("A started request is answered in a poll, as the server wrote it") {
  RawServer server{
      test::answer_each(test::http_response(200, "{\"ok\":true}", "X-Amzn-RequestId: id-1\r\n"))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, post(server.url("/events")));
  REQUIRE(answers.poll(transport, 1));
  const pe::HttpResponse response = answers.response(0);
  CHECK(response.status == 200);
  CHECK(response.headers == pe::Headers{{"Content-Length", "11"}, {"X-Amzn-RequestId", "id-1"}});
  CHECK(response.body == "{\"ok\":true}");
}

TEST_CASE("A request goes out as over the blocking transport, to the byte") {
  RawServer server{test::answer_each(test::http_response(200))};
  pe::HttpRequest request = post(server.url("/a/../b?q=%20"), std::string(3000, 'x'));
  request.headers.emplace_back("X-Empty", "");
  pe::CurlTransport blocking;
  REQUIRE(blocking.send(request).has_value());
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 1));
  REQUIRE(server.requests().size() == 2);
  CHECK(server.requests()[0] == server.requests()[1]);
}

TEST_CASE("Two hundred requests share few connections and mix nothing up") {
  constexpr std::size_t kRequests = 200;
  RawServer server{echo};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{connections(8)};
  for (std::size_t i = 0; i < kRequests; ++i) {
    answers.start(transport, post(server.url(), "body " + std::to_string(i)));
  }
  REQUIRE(answers.poll(transport, kRequests));
  for (std::size_t i = 0; i < kRequests; ++i) {
    CHECK(answers.response(i).body == "body " + std::to_string(i));
  }
  CHECK(server.requests().size() == kRequests);
  CHECK(server.accepted() <= 8);
}

TEST_CASE("As many requests are in flight at once as there are connections") {
  RawServer server{hold};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{connections(50)};
  for (int i = 0; i < 60; ++i) answers.start(transport, post(server.url()));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 50; }));
  CHECK(answers.told() == 0);
  server.release();
  REQUIRE(answers.poll(transport, 60));
  CHECK(server.accepted() == 50);
}

TEST_CASE("A connection is kept for the next request, whatever the one before it was") {
  RawServer server{test::answer_each(test::http_response(503))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  for (std::size_t i = 0; i < 5; ++i) {
    answers.start(transport, post(server.url(), std::string(i, 'b')));
    REQUIRE(answers.poll(transport, i + 1));
    CHECK(answers.response(i).status == 503);
  }
  CHECK(server.accepted() == 1);
}

TEST_CASE("One connection serves two servers in turn") {
  RawServer one{test::answer_each(test::http_response(200))};
  RawServer other{test::answer_each(test::http_response(200))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{connections(1)};
  for (const RawServer* server : {&one, &other, &one, &other}) {
    answers.start(transport, post(server->url()));
  }
  REQUIRE(answers.poll(transport, 4));
  for (std::size_t i = 0; i < 4; ++i) CHECK(answers.response(i).status == 200);
  CHECK(one.accepted() + other.accepted() == 4);
}

TEST_CASE("Done may start the next request and cancel another") {
  RawServer server{echo};
  RawServer silent{hold};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  const std::uint64_t held = answers.start(transport, post(silent.url()));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return silent.requests().size() == 1; }));

  int round = 0;
  std::function<void(pe::Result<pe::HttpResponse>)> next =
      [&](const pe::Result<pe::HttpResponse>& result) {
        CHECK(result.has_value());
        if (++round < 5) {
          transport.start(post(server.url()), next);
        } else {
          transport.cancel(held);
          CHECK(answers.told() == 0);
        }
      };
  transport.start(post(server.url()), next);
  REQUIRE(answers.poll(transport, 1));
  CHECK(round == 5);
  check_cancelled(answers.error(0), true);
  CHECK(server.accepted() == 1);
}

TEST_CASE("An empty Done is not called") {
  RawServer server{echo};
  pe::CurlAsyncTransport transport;
  transport.start(post(server.url()), nullptr);
  AsyncAnswers answers;
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 1));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 2; }));
}

TEST_CASE("What is wrong with a request is told in the next poll") {
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  pe::HttpRequest bad_header = post("http://127.0.0.1:1/");
  bad_header.headers.emplace_back("X-Bad", "a\r\nb");
  answers.start(transport, bad_header);
  answers.start(transport, post("ftp://127.0.0.1/"));
  answers.start(transport, post("http://127.0.0.1:99999/"));
  REQUIRE(answers.poll(transport, 3));
  CHECK(answers.error(0).kind == pe::ErrorKind::InvalidArgument);
  CHECK(answers.error(1).kind == pe::ErrorKind::Configuration);
  CHECK(answers.error(2).kind == pe::ErrorKind::Configuration);

  AsyncAnswers others;
  pe::CurlAsyncTransport without{connections(0)};
  others.start(without, post("http://127.0.0.1:1/"));
  REQUIRE(others.poll(without, 1));
  CHECK(others.error(0).where == "HttpOptions::max_connections");
}

TEST_CASE("A request that waits for a connection is cancelled without being sent") {
  RawServer server{hold};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{connections(1)};
  answers.start(transport, post(server.url("/first")));
  const std::uint64_t second = answers.start(transport, post(server.url("/second")));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 1; }));
  transport.cancel(second);
  transport.cancel(second);
  CHECK(answers.told() == 0);
  transport.poll(milliseconds{0});
  check_cancelled(answers.error(1), false);
  server.release();
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(0).status == 200);
  CHECK(server.requests().size() == 1);
}

TEST_CASE("A request that was never polled is cancelled without being sent") {
  RawServer server{hold};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  transport.cancel(answers.start(transport, post(server.url())));
  transport.poll(milliseconds{0});
  check_cancelled(answers.error(0), false);
  CHECK(server.accepted() == 0);
}

TEST_CASE("A request that is still connecting is cancelled as not delivered") {
  RawServer server{[](RawConnection& connection) {
    if (connection.number() == 1) {
      static_cast<void>(connection.read_request());
      static_cast<void>(connection.send(test::http_response(200)));
      return;
    }
    static_cast<void>(connection.read_some());  // the beginning of a TLS handshake
    static_cast<void>(connection.wait_for_release());
  }};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{connections(1)};
  // The handle that did connect before must not be taken for connected now.
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 1));
  const std::uint64_t id = answers.start(transport, post("https://" + place(server)));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 2; }));
  transport.cancel(id);
  CHECK(answers.told() == 1);
  transport.poll(milliseconds{0});
  check_cancelled(answers.error(1), false);
  CHECK(answers.error(1).where == place(server));
}

TEST_CASE("A request that was sent is cancelled at once, and its connection closed") {
  std::atomic<bool> closed{false};
  RawServer server{[&closed](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    closed = connection.read_request().empty();
  }};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  const std::uint64_t id = answers.start(transport, post(server.url()));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 1; }));
  transport.cancel(id);
  transport.cancel(id);
  transport.cancel(id + 1);
  transport.poll(std::chrono::seconds{10});
  check_cancelled(answers.error(0), true);
  CHECK(AsyncAnswers::poll_until(transport, [&] { return closed.load(); }));
  CHECK(answers.told() == 1);
}

TEST_CASE("To cancel what was answered changes nothing") {
  RawServer server{echo};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  const std::uint64_t id = answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 1));
  transport.cancel(id);
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(0).status == 200);
  CHECK(answers.response(1).status == 200);
}

TEST_CASE("The destructor aborts what is in flight, at once, and tells each Done") {
  RawServer server{hold};
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::CurlAsyncTransport>(connections(50));
  for (int i = 0; i < 60; ++i) answers.start(*transport, post(server.url()));
  REQUIRE(AsyncAnswers::poll_until(*transport, [&] { return server.requests().size() == 50; }));
  const auto begin = steady_clock::now();
  transport.reset();
  CHECK(steady_clock::now() - begin < std::chrono::seconds{1});
  REQUIRE(answers.told() == 60);
  for (std::size_t i = 0; i < 60; ++i) check_cancelled(answers.error(i), i < 50);
}

TEST_CASE("A Done that the destructor calls may start a request, which is cancelled too") {
  AsyncAnswers answers;
  int told = 0;
  {
    pe::CurlAsyncTransport transport;
    transport.start(post("http://127.0.0.1:1/"), [&](const pe::Result<pe::HttpResponse>& result) {
      CHECK_FALSE(result.has_value());
      ++told;
      transport.cancel(answers.start(transport, post("http://127.0.0.1:1/")));
    });
  }
  CHECK(told == 1);
  REQUIRE(answers.told() == 1);
  check_cancelled(answers.error(0), false);
}

TEST_CASE("A transport that was never used is destroyed") {
  pe::CurlAsyncTransport transport;
  transport.wake();
}

TEST_CASE("Wake from another thread ends a poll, and one without a poll ends the next") {
  pe::CurlAsyncTransport transport;
  const auto begin = steady_clock::now();
  for (int i = 0; i < 100; ++i) {
    std::atomic<bool> polling{false};
    std::thread other{[&] {
      while (!polling) {
      }
      transport.wake();
    }};
    polling = true;
    transport.poll(std::chrono::seconds{10});
    other.join();
    // The wake came within the poll or before it; in neither case is the next one a hundred times
    // late.
  }
  CHECK(steady_clock::now() - begin < std::chrono::seconds{50});

  transport.poll(milliseconds{0});
  transport.wake();
  const auto woken = steady_clock::now();
  transport.poll(std::chrono::seconds{10});
  CHECK(steady_clock::now() - woken < milliseconds{900});
}

TEST_CASE("A poll without a request waits, a second at most, and one of nothing does not") {
  pe::CurlAsyncTransport transport;
  auto begin = steady_clock::now();
  transport.poll(milliseconds{100});
  CHECK(steady_clock::now() - begin >= milliseconds{95});
  begin = steady_clock::now();
  transport.poll(milliseconds::max());
  CHECK(steady_clock::now() - begin < std::chrono::seconds{5});
  begin = steady_clock::now();
  for (int i = 0; i < 10; ++i) transport.poll(i % 2 == 0 ? milliseconds{0} : milliseconds::min());
  CHECK(steady_clock::now() - begin < milliseconds{900});
}

TEST_CASE("A request to a server that never answers, or drips, ends at its timeout") {
  const bool drips = GENERATE(false, true);
  CAPTURE(drips);
  RawServer server{[drips](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    if (!drips) {
      static_cast<void>(connection.wait_for_release());
      return;
    }
    bool open = connection.send("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
    while (open && connection.pause(milliseconds{10})) open = connection.send("b");
  }};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  pe::HttpRequest request = post(server.url());
  request.timeout = milliseconds{200};
  const auto begin = steady_clock::now();
  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 1));
  const auto took = steady_clock::now() - begin;
  const pe::Error error = answers.error(0);
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.retryable);
  CHECK(error.connected);
  CHECK(error.may_have_been_delivered);
  CHECK(error.where == place(server));
  CHECK(took >= milliseconds{195});
  CHECK(took < std::chrono::seconds{5});
}

TEST_CASE("The timeout of a request that waits for a connection counts from its start") {
  RawServer server{hold};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{connections(1)};
  answers.start(transport, post(server.url()));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 1; }));
  pe::HttpRequest hurried = post(server.url());
  hurried.timeout = milliseconds{100};
  const auto begin = steady_clock::now();
  answers.start(transport, hurried);
  REQUIRE(answers.poll(transport, 1));
  CHECK(steady_clock::now() - begin >= milliseconds{100});
  CHECK(steady_clock::now() - begin < std::chrono::seconds{5});
  const pe::Error error = answers.error(1);
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.retryable);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK_THAT(error.message, test::ContainsSubstring("max_connections"));
  server.release();
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(0).status == 200);
}

TEST_CASE("A started request without time times out") {
  RawServer server{hold};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  pe::HttpRequest request = post(server.url());
  request.timeout = GENERATE(milliseconds{0}, milliseconds::min());
  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.error(0).kind == pe::ErrorKind::Timeout);
}

TEST_CASE("A refused connection is told as over the blocking transport") {
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  const std::string port = std::to_string(test::closed_port());
  answers.start(transport, post("http://127.0.0.1:" + port + "/secret"));
  REQUIRE(answers.poll(transport, 1));
  const pe::Error error = answers.error(0);
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK_FALSE(error.connected);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK(error.where == "127.0.0.1:" + port);
  CHECK_THAT(pe::to_string(error), !test::ContainsSubstring("secret"));
}

TEST_CASE("A reset and a cut answer are told, and the others are not disturbed") {
  RawServer broken{[](RawConnection& connection) {
    const std::string seen = connection.read_request();
    if (seen.find("/reset") != std::string::npos) return connection.reset();
    static_cast<void>(connection.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\""));
  }};
  RawServer sound{echo};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, post(broken.url("/reset")));
  answers.start(transport, post(broken.url("/cut")));
  answers.start(transport, post(sound.url()));
  REQUIRE(answers.poll(transport, 3));
  CHECK(answers.error(0).kind == pe::ErrorKind::Transport);
  CHECK(answers.error(0).may_have_been_delivered);
  CHECK(answers.error(1).kind == pe::ErrorKind::Response);
  CHECK(answers.error(1).http_status == 200);
  CHECK(answers.response(2).status == 200);
}

TEST_CASE(
    "Of kept connections that end at once no request is sent twice, and later ones are fresh") {
  constexpr std::size_t kAtOnce = 6;
  // Holds the first requests until all are there, so that each has a connection; each of these
  // connections ends at its second request.
  RawServer server{[](RawConnection& connection) {
    if (connection.number() > static_cast<int>(kAtOnce)) return echo(connection);
    static_cast<void>(connection.read_request());
    if (!connection.wait_for_release()) return;
    static_cast<void>(connection.send(test::http_response(200)));
    static_cast<void>(connection.read_request());
    connection.reset();
  }};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  std::size_t started = 0;
  const auto start_all = [&] {
    for (std::size_t i = 0; i < kAtOnce; ++i) {
      answers.start(transport, post(server.url("/" + std::to_string(started++) + ".")));
    }
  };
  start_all();
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == kAtOnce; }));
  server.release();
  REQUIRE(answers.poll(transport, kAtOnce));

  start_all();
  REQUIRE(answers.poll(transport, 2 * kAtOnce));
  std::size_t lost = 0;
  for (std::size_t i = kAtOnce; i < 2 * kAtOnce; ++i) {
    // libcurl closes an idle connection on which it may not send again, so that a request that was
    // still to begin may have got a new one.
    if (answers.is_response(i)) continue;
    ++lost;
    const pe::Error error = answers.error(i);
    CHECK(error.kind == pe::ErrorKind::Transport);
    CHECK(error.code == "LostKeptConnection");
    CHECK(error.retryable);
    CHECK(error.may_have_been_delivered);
  }
  CHECK(lost > 0);

  start_all();
  REQUIRE(answers.poll(transport, 3 * kAtOnce));
  for (std::size_t i = 2 * kAtOnce; i < 3 * kAtOnce; ++i) {
    CHECK(answers.response(i).status == 200);
  }
  for (std::size_t i = 0; i < started; ++i) {
    CAPTURE(i);
    int seen = 0;
    for (const std::string& request : server.requests()) {
      seen += request.find(" /" + std::to_string(i) + ". ") == std::string::npos ? 0 : 1;
    }
    CHECK(seen >= 1);
    // Once on each kept connection, and on a new one.
    CHECK(seen <= (test::libcurl_is_older_than(80) ? static_cast<int>(kAtOnce) + 1 : 1));
  }
}

TEST_CASE("After a loss no connection is used again that has been idle for long") {
  // Two connections, of which the first is lost; the second, idle for as long, is not used either.
  RawServer server{[](RawConnection& connection) {
    while (!connection.read_request().empty()) {
      if (!connection.wait_for_release()) return;
      if (!connection.send(test::http_response(200))) return;
      if (connection.number() <= 2) {
        static_cast<void>(connection.read_request());
        return connection.reset();
      }
    }
  }};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, post(server.url()));
  answers.start(transport, post(server.url()));
  REQUIRE(AsyncAnswers::poll_until(transport, [&] { return server.requests().size() == 2; }));
  server.release();
  REQUIRE(answers.poll(transport, 2));
  // libcurl counts whole seconds of its own clock.
  const auto idle_since = steady_clock::now();
  REQUIRE(AsyncAnswers::poll_until(
      transport, [&] { return steady_clock::now() - idle_since > milliseconds{2100}; }));
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 3));
  CHECK(answers.error(2).code == "LostKeptConnection");
  answers.start(transport, post(server.url()));
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 5));
  CHECK(answers.response(3).status == 200);
  CHECK(answers.response(4).status == 200);
  CHECK(server.requests().size() >= 5);
  CHECK(server.requests().size() <= (test::libcurl_is_older_than(80) ? 6 : 5));
}

TEST_CASE("An answer of 64 KiB passes and one byte more does not") {
  const std::size_t more = GENERATE(std::size_t{0}, std::size_t{1});
  RawServer server{test::answer_each(test::http_response(200, std::string(65'536 + more, 'b')))};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 1));
  if (more == 0) {
    CHECK(answers.response(0).body.size() == 65'536);
  } else {
    CHECK(answers.error(0).kind == pe::ErrorKind::Response);
    CHECK_THAT(answers.error(0).message, test::ContainsSubstring("64 KiB"));
  }
}

TEST_CASE("A header line over the limit of libcurl is told as too large") {
  RawServer server{test::answer_each("HTTP/1.1 200 OK\r\nName: " + std::string(120'000, 'v') +
                                     "\r\nContent-Length: 0\r\n\r\n")};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.error(0).kind == pe::ErrorKind::Response);
  CHECK_THAT(answers.error(0).message, test::ContainsSubstring("header line") &&
                                           test::ContainsSubstring("too large") &&
                                           !test::ContainsSubstring("memory"));
}

TEST_CASE("A redirect is not followed") {
  RawServer elsewhere{echo};
  RawServer server{test::answer_each("HTTP/1.1 307 Text\r\nLocation: " + elsewhere.url() +
                                     "\r\nContent-Length: 0\r\n\r\n")};
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport;
  answers.start(transport, post(server.url()));
  REQUIRE(answers.poll(transport, 1));
  CHECK(answers.response(0).status == 307);
  CHECK(elsewhere.accepted() == 0);
}

TEST_CASE("A child of a fork starts anew, and what is in flight stays the parent's") {
  RawServer server{hold};
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::CurlAsyncTransport>();
  answers.start(*transport, post(server.url("/parent")));
  REQUIRE(AsyncAnswers::poll_until(*transport, [&] { return server.requests().size() == 1; }));

  RawServer other{echo};
  const pid_t child = ::fork();
  if (child == 0) {
    bool well = false;
    transport->start(post(other.url("/child")), [&](const pe::Result<pe::HttpResponse>& result) {
      well = result.has_value();
    });
    for (int i = 0; i < 200 && !well; ++i) transport->poll(milliseconds{100});
    transport.reset();
    ::_exit(well && answers.told() == 0 ? 0 : 1);
  }
  CHECK(status_of(child) == 0);
  CHECK(other.requests().size() == 1);
  server.release();
  REQUIRE(answers.poll(*transport, 1));
  CHECK(answers.response(0).status == 200);
  CHECK(server.accepted() == 1);
}

TEST_CASE("A child that only destroys what it inherited leaves requests in flight alone") {
  RawServer server{hold};
  AsyncAnswers answers;
  auto transport = std::make_unique<pe::CurlAsyncTransport>();
  answers.start(*transport, post(server.url()));
  REQUIRE(AsyncAnswers::poll_until(*transport, [&] { return server.requests().size() == 1; }));
  const pid_t child = ::fork();
  if (child == 0) {
    const int open = open_descriptors();
    transport->wake();
    transport.reset();
    ::_exit(open_descriptors() == open && answers.told() == 0 ? 0 : 1);
  }
  CHECK(status_of(child) == 0);
  server.release();
  REQUIRE(answers.poll(*transport, 1));
  CHECK(answers.response(0).status == 200);
  CHECK(server.accepted() == 1);
}

TEST_CASE("Over TLS a connection is kept too, and a foreign authority is not trusted") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: TLS with a certificate of our own, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  AsyncAnswers answers;
  pe::CurlAsyncTransport trusting{options};
  pe::CurlAsyncTransport strict;
  pe::HttpRequest request = post(server.url(), "");
  request.method = "GET";
  answers.start(trusting, request);
  REQUIRE(answers.poll(trusting, 1));
  CHECK(answers.response(0).status == 200);
  answers.start(strict, request);
  REQUIRE(answers.poll(strict, 2));
  CHECK(answers.error(1).kind == pe::ErrorKind::Transport);
  CHECK_FALSE(answers.error(1).retryable);
  CHECK_FALSE(answers.error(1).connected);
}

TEST_CASE("A missing client certificate is told, over TLS 1.3 too") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: mutual TLS, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity,
                               {"-www", "-tls1_3", "-Verify", "1", "-verify_return_error",
                                "-CAfile", identity.certificate()}};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  pe::CurlAsyncTransport transport{options};
  pe::HttpRequest request = post(server.url(), "");
  request.method = "GET";
  AsyncAnswers answers;
  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 1));
  const pe::Error error = answers.error(0);
  CHECK(error.kind == pe::ErrorKind::Transport);
  const std::string library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (library.find("OpenSSL") == std::string::npos) return;
  CHECK_FALSE(error.connected);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK_FALSE(error.retryable);
  CHECK_THAT(error.message, test::ContainsSubstring("requires a client certificate") &&
                                test::ContainsSubstring("HttpOptions::client_certificate"));
}

TEST_CASE("Without descriptors an async transport says so, and works again when there are some") {
  if (!test::has_openssl_command()) return;
  const test::SelfSigned identity;
  const test::TlsServer server{identity};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  const bool is_new = GENERATE(false, true);
  const std::size_t left = GENERATE(0U, 1U, 2U, 3U);
  CAPTURE(is_new, left);
  AsyncAnswers answers;
  pe::CurlAsyncTransport transport{options};
  if (!is_new) transport.poll(milliseconds{0});
  pe::HttpRequest request{"GET", server.url()};
  request.direct = true;
  bool has_ended = false;
  {
    const test::FewDescriptors few{left};
    transport.start(request, answers.done());
    for (int i = 0; i < 100 && answers.told() == 0; ++i) transport.poll(milliseconds{100});
    has_ended = answers.told() == 1;
  }
  REQUIRE(has_ended);
  // A few can be enough for an exchange within this machine.
  if (left < 2) {
    const pe::Error error = answers.error(0);
    CAPTURE(pe::to_string(error));
    CHECK(error.kind == pe::ErrorKind::Transport);
    CHECK(error.code == "NoDescriptors");
    CHECK_FALSE(error.connected);
    CHECK(error.retryable);
  }

  answers.start(transport, request);
  REQUIRE(answers.poll(transport, 2));
  CHECK(answers.response(1).status == 200);
  // Also a transport that was made without descriptors can be woken, before a poll and within it.
  for (int round = 0; round < 20; ++round) {
    std::thread waker{[&transport] { transport.wake(); }};
    const auto begin = std::chrono::steady_clock::now();
    transport.poll(std::chrono::seconds{10});
    const auto took = std::chrono::steady_clock::now() - begin;
    waker.join();
    CHECK(took < milliseconds{900});
    transport.poll(milliseconds{0});
  }
}
