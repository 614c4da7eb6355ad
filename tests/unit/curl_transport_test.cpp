// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/curl_transport.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/few_descriptors.hpp"
#include "support/libcurl_version.hpp"
#include "support/raw_server.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;
using test::RawConnection;
using test::RawServer;

namespace {

const std::string kBody = R"({"secret":"event"})";

/// Not through a proxy of the environment in which the test runs.
pe::HttpRequest post(const std::string& url, const std::string& body = kBody) {
  pe::HttpRequest request{"POST", url, {{"Content-Type", "application/json"}}, body};
  request.direct = true;
  return request;
}

pe::HttpRequest get(const std::string& url) {
  pe::HttpRequest request = post(url, "");
  request.method = "GET";
  return request;
}

pe::HttpResponse answer(pe::Transport& transport, const pe::HttpRequest& request) {
  auto result = transport.send(request);
  if (!result) FAIL(pe::to_string(result.error()));
  return *std::move(result);
}

/// The error of a request, which tells nothing that it must not tell.
pe::Error error_of(pe::Transport& transport, const pe::HttpRequest& request) {
  const auto result = transport.send(request);
  REQUIRE_FALSE(result.has_value());
  const std::string line = pe::to_string(result.error());
  CAPTURE(line);
  CHECK_THAT(line, !test::ContainsSubstring("secret"));
  CHECK(result.error().may_have_been_delivered == result.error().connected);
  return result.error();
}

std::string place(const RawServer& server) { return "127.0.0.1:" + std::to_string(server.port()); }

/// The lines of a request's head behind the request line, sorted.
std::vector<std::string> header_lines(const std::string& request) {
  std::vector<std::string> lines;
  std::size_t at = request.find("\r\n") + 2;
  for (std::size_t end = request.find("\r\n", at); end != at; end = request.find("\r\n", at)) {
    lines.push_back(request.substr(at, end - at));
    at = end + 2;
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

/// The number of open descriptors of this process, among the first thousand.
int open_descriptors() {
  int count = 0;
  for (int number = 0; number < 1000; ++number) count += ::fcntl(number, F_GETFD) != -1 ? 1 : 0;
  return count;
}

/// An environment variable with another value, for this scope.
class Environment {
 public:
  Environment(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* former = std::getenv(name)) former_ = former;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { set(former_); }

 private:
  void set(const std::optional<std::string>& value) const {
    static_cast<void>(value ? ::setenv(name_, value->c_str(), 1) : ::unsetenv(name_));
  }
  const char* name_;
  std::optional<std::string> former_{};
};

}  // namespace

TEST_CASE("A response comes back as the server wrote it") {
  RawServer server{
      test::answer_each(test::http_response(200, "{\"ok\":true}", "X-Amzn-RequestId: id-1\r\n"))};
  pe::CurlTransport transport;
  const pe::HttpResponse response = answer(transport, post(server.url("/events")));
  CHECK(response.status == 200);
  CHECK(response.headers == pe::Headers{{"Content-Length", "11"}, {"X-Amzn-RequestId", "id-1"}});
  CHECK(response.body == "{\"ok\":true}");
}

TEST_CASE("A request goes out exactly as it was given, with its length and nothing else") {
  RawServer server{test::answer_each(test::http_response(200))};
  pe::CurlTransport transport;
  std::string body{"{\"zero\":\""};
  body.append(1, '\0').append(3000, 'x').append("\"}");
  pe::HttpRequest request{"POST", server.url("/a/../b//./%2F?q=%20"), {}, body};
  request.direct = true;
  request.headers = {
      {"Host", "host.example"}, {"X-Empty", ""},     {"Authorization", "AWS4 signed"},
      {"x-lower", "a  b"},      {"X-Empty-2", "  "}, {"X-Twice", "1"},
      {"X-Twice", "2"}};
  REQUIRE(answer(transport, request).status == 200);

  const std::string seen = server.requests().at(0);
  CHECK(seen.substr(0, seen.find("\r\n")) == "POST /a/../b//./%2F?q=%20 HTTP/1.1");
  std::vector<std::string> lines = header_lines(seen);
  CHECK(lines == std::vector<std::string>{
                     "Authorization: AWS4 signed", "Content-Length: " + std::to_string(body.size()),
                     "Host: host.example", "X-Empty-2:", "X-Empty:", "X-Twice: 1", "X-Twice: 2",
                     "x-lower: a  b"});
  CHECK(seen.substr(seen.find("\r\n\r\n") + 4) == body);
}

TEST_CASE("A large body is sent without waiting for 100 Continue") {
  RawServer server{test::answer_each(test::http_response(200))};
  pe::CurlTransport transport;
  const std::string body(3u << 20, 'b');
  REQUIRE(answer(transport, post(server.url(), body)).status == 200);
  const std::string seen = server.requests().at(0);
  CHECK_THAT(seen.substr(0, seen.find("\r\n\r\n")), !test::ContainsSubstring("Expect"));
  CHECK(seen.size() == seen.find("\r\n\r\n") + 4 + body.size());
}

TEST_CASE("Each method goes out as it is called") {
  RawServer server{test::answer_each(test::http_response(200, ""))};
  pe::CurlTransport transport;
  const std::string method = GENERATE("GET", "POST", "PUT", "DELETE", "HEAD");
  CAPTURE(method);
  pe::HttpRequest request = post(server.url(), "");
  request.method = method;
  CHECK(answer(transport, request).status == 200);
  const std::string seen = server.requests().at(0);
  CHECK(seen.compare(0, method.size() + 3, method + " / ") == 0);
  const bool has_length = seen.find("Content-Length: 0\r\n") != std::string::npos;
  CHECK(has_length == (method != "GET" && method != "HEAD"));
}

TEST_CASE("A GET may have a body, and a request after it is not touched by it") {
  RawServer server{test::answer_each(test::http_response(200))};
  pe::CurlTransport transport;
  pe::HttpRequest with_body = get(server.url("/first"));
  with_body.body = "{}";
  REQUIRE(answer(transport, with_body).status == 200);
  REQUIRE(answer(transport, get(server.url("/second"))).status == 200);
  REQUIRE(server.requests().size() == 2);
  CHECK_THAT(server.requests()[0], test::ContainsSubstring("GET /first HTTP/1.1") &&
                                       test::ContainsSubstring("\r\n\r\n{}"));
  CHECK_THAT(server.requests()[1], test::ContainsSubstring("GET /second HTTP/1.1") &&
                                       !test::ContainsSubstring("Content-Length"));
}

TEST_CASE("Any status is a response, and a redirect is not followed") {
  const int status = GENERATE(204, 301, 307, 400, 401, 403, 407, 429, 500, 503);
  CAPTURE(status);
  RawServer elsewhere{test::answer_each(test::http_response(200))};
  const std::string body = status == 204 ? "" : "{\"message\":\"no\"}";
  RawServer server{test::answer_each(
      "HTTP/1.1 " + std::to_string(status) + " Text\r\nLocation: " + elsewhere.url() +
      "\r\nWWW-Authenticate: Basic\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
      body)};
  pe::CurlTransport transport;
  const pe::HttpResponse response = answer(transport, post(server.url()));
  CHECK(response.status == status);
  CHECK(response.body == body);
  CHECK(server.requests().size() == 1);
  CHECK(elsewhere.accepted() == 0);
}

TEST_CASE("An interim response, a chunked body and trailers are read as they should") {
  RawServer server{test::answer_each(
      "HTTP/1.1 100 Continue\r\nInterim: yes\r\n\r\n"
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nFolded: one\r\n two\r\n\r\n"
      "5\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: yes\r\n\r\n")};
  pe::CurlTransport transport;
  for (int i = 0; i < 2; ++i) {
    const pe::HttpResponse response = answer(transport, post(server.url()));
    CHECK(response.status == 200);
    CHECK(response.body == "hello world");
    CHECK(pe::find_header(response.headers, "Interim") == nullptr);
    CHECK(pe::find_header(response.headers, "Trailer") == nullptr);
    REQUIRE(pe::find_header(response.headers, "Folded") != nullptr);
    CHECK(*pe::find_header(response.headers, "Folded") == "one two");
  }
  CHECK(server.accepted() == 1);
}

TEST_CASE("A compressed body is neither asked for nor unpacked, and a cookie is not kept") {
  RawServer server{test::answer_each(
      test::http_response(200, "plain", "Content-Encoding: gzip\r\nSet-Cookie: a=b\r\n"))};
  pe::CurlTransport transport;
  CHECK(answer(transport, post(server.url())).body == "plain");
  CHECK(answer(transport, post(server.url())).body == "plain");
  CHECK_THAT(server.requests().at(1),
             !test::ContainsSubstring("Cookie") && !test::ContainsSubstring("Accept-Encoding"));
}

TEST_CASE("A connection is kept for the next request") {
  RawServer server{test::answer_each(test::http_response(200))};
  pe::CurlTransport transport;
  for (int i = 0; i < 3; ++i) CHECK(answer(transport, post(server.url())).status == 200);
  CHECK(server.accepted() == 1);
}

TEST_CASE("No more connections are kept than max_connections") {
  RawServer one{test::answer_each(test::http_response(200))};
  RawServer other{test::answer_each(test::http_response(200))};
  pe::HttpOptions options;
  options.max_connections = 1;
  pe::CurlTransport transport{options};
  for (const RawServer* server : {&one, &other, &one, &other}) {
    CHECK(answer(transport, post(server->url())).status == 200);
  }
  // Which of two is closed is libcurl's choice; one of them had to be opened again.
  CHECK(one.accepted() + other.accepted() > 2);
}

TEST_CASE("Threads share few connections and mix nothing up") {
  constexpr int kThreads = 8;
  constexpr int kCalls = 50;
  RawServer server{[](RawConnection& connection) {
    for (std::string seen = connection.read_request(); !seen.empty();
         seen = connection.read_request()) {
      if (!connection.send(test::http_response(200, seen.substr(seen.find("\r\n\r\n") + 4))))
        return;
    }
  }};
  pe::HttpOptions options;
  options.max_connections = 4;
  pe::CurlTransport transport{options};
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int number = 0; number < kThreads; ++number) {
    threads.emplace_back([&, number] {
      for (int call = 0; call < kCalls; ++call) {
        const std::string body = "body " + std::to_string(number) + " " + std::to_string(call);
        const auto response = transport.send(post(server.url(), body));
        if (response && response->body == body) ++right;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(right == kThreads * kCalls);
  CHECK(server.requests().size() == kThreads * kCalls);
  CHECK(server.accepted() <= 4);
}

TEST_CASE("One more exchange than max_connections waits, for its own timeout at most") {
  RawServer server{[](RawConnection& connection) {
    while (!connection.read_request().empty() && connection.wait_for_release()) {
      if (!connection.send(test::http_response(200))) return;
    }
  }};
  pe::HttpOptions options;
  options.max_connections = 1;
  pe::CurlTransport transport{options};
  std::atomic<int> answered{0};
  const auto send_one = [&] {
    if (transport.send(post(server.url()))) ++answered;
  };
  std::thread first{send_one};
  REQUIRE(server.wait_for_requests(1));

  pe::HttpRequest hurried = post(server.url());
  hurried.timeout = std::chrono::milliseconds{50};
  const pe::Error error = error_of(transport, hurried);
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.retryable);
  CHECK_FALSE(error.connected);
  CHECK_THAT(error.message, test::ContainsSubstring("no free connection") &&
                                test::ContainsSubstring("max_connections"));

  std::thread second{send_one};
  server.release();
  first.join();
  second.join();
  CHECK(answered == 2);
  CHECK(server.accepted() == 1);
}

TEST_CASE("A kept connection that the server has closed meanwhile is replaced") {
  std::atomic<bool> closed{false};
  RawServer server{[&closed](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send(test::http_response(200)));
    if (connection.number() > 1) return;
    connection.close();
    // libcurl 8.23 looks whether a connection lives only after a second.
    closed = connection.pause(std::chrono::milliseconds{1100});
  }};
  pe::CurlTransport transport;
  CHECK(answer(transport, post(server.url())).status == 200);
  while (!closed) std::this_thread::yield();
  CHECK(answer(transport, post(server.url())).status == 200);
  CHECK(server.accepted() == 2);
  CHECK(server.requests().size() == 2);
}

TEST_CASE("A kept connection that ends before the answer is told, and nothing is sent twice") {
  const std::string end = GENERATE("reset", "close", "part of a status line");
  const std::string body = GENERATE(std::string(20, 'b'), std::string(200'000, 'b'));
  CAPTURE(end, body.size());
  RawServer server{RawServer::Script{[end](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send(test::http_response(200)));
    if (connection.number() > 1) {
      static_cast<void>(connection.read_request());
      static_cast<void>(connection.send(test::http_response(200)));
      return;
    }
    static_cast<void>(connection.read_request());
    if (end == "reset") connection.reset();
    if (end == "part of a status line") static_cast<void>(connection.send("HTTP/1.1 2"));
  }}};
  pe::CurlTransport transport;
  CHECK(answer(transport, post(server.url(), body)).status == 200);
  const pe::Error error = error_of(transport, post(server.url(), body));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.code == "LostKeptConnection");
  CHECK(error.retryable);
  CHECK(error.connected);
  CHECK(error.http_status == 0);
  CHECK(error.where == place(server));
  CHECK(server.requests().size() == 2);
  // The next requests share a fresh connection.
  CHECK(answer(transport, post(server.url(), body)).status == 200);
  CHECK(answer(transport, post(server.url(), body)).status == 200);
  CHECK(server.requests().size() == 4);
  CHECK(server.accepted() == 2);
}

TEST_CASE("A request without a body is sent once more by libcurl") {
  RawServer server{[](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send(test::http_response(200)));
    if (connection.number() == 1) static_cast<void>(connection.read_request());
  }};
  pe::CurlTransport transport;
  CHECK(answer(transport, get(server.url())).status == 200);
  CHECK(answer(transport, get(server.url())).status == 200);
  CHECK(server.requests().size() == 3);
}

TEST_CASE("A fresh connection that ends before the answer is a Transport error") {
  const bool with_reset = GENERATE(false, true);
  CAPTURE(with_reset);
  RawServer server{[with_reset](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    if (with_reset) connection.reset();
  }};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK(error.connected);
  CHECK(error.http_status == 0);
  CHECK(error.where == place(server));
  CHECK(server.accepted() == 1);
}

TEST_CASE("An answer that is cut short is a Response error with its status") {
  const std::string cut = GENERATE("HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Le",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
                                   "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a\"",
                                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  CAPTURE(cut);
  RawServer server{test::RawServer::Script{[cut](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send(cut));
  }}};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.retryable);
  CHECK(error.connected);
  CHECK(error.http_status == 200);
  CHECK(error.where == place(server));
}

TEST_CASE("An answer that is cut inside its status line is a Transport error") {
  RawServer server{[](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send("HTTP/1.1 2"));
  }};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK(error.connected);
}

TEST_CASE("An endless answer is ended at its bound") {
  struct Endless {
    const char* name;
    std::string head;
    std::string piece;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::vector<Endless> kinds{
      {"body until the end", ok + "\r\n", std::string(8192, 'b')},
      {"chunked body", ok + "Transfer-Encoding: chunked\r\n\r\n", "10\r\n0123456789abcdef\r\n"},
      {"header fields", ok, "Name: value\r\n"},
      {"one header line", ok + "Name: ", std::string(8192, 'v')},
      {"interim responses", "", "HTTP/1.1 100 Continue\r\n\r\n"},
      {"trailers", ok + "Transfer-Encoding: chunked\r\n\r\n0\r\n", "Trailer: value\r\n"},
  };
  const auto number = GENERATE(range(std::size_t{0}, std::size_t{6}));
  const Endless& kind = kinds.at(number);
  CAPTURE(kind.name);
  RawServer server{[kind](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    if (!connection.send(kind.head)) return;
    while (connection.send(kind.piece)) {
    }
  }};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.connected);
  CHECK(error.http_status == (kind.head.empty() ? 0 : 200));
}

TEST_CASE("A body of 64 KiB passes and one byte more does not") {
  const std::size_t more = GENERATE(std::size_t{0}, std::size_t{1});
  RawServer server{test::answer_each(test::http_response(200, std::string(65'536 + more, 'b')))};
  pe::CurlTransport transport;
  const auto result = transport.send(post(server.url()));
  REQUIRE(result.has_value() == (more == 0));
  if (result) {
    CHECK(result->body.size() == 65'536);
  } else {
    CHECK(result.error().kind == pe::ErrorKind::Response);
    CHECK_THAT(result.error().message, test::ContainsSubstring("64 KiB"));
  }
}

TEST_CASE("What is too large or malformed in a response is named, not a lack of memory") {
  struct Broken {
    std::string response;
    std::string named;
    int status;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const std::string chunked = ok + "Transfer-Encoding: chunked\r\n\r\n";
  const std::string end = "\r\nContent-Length: 0\r\n\r\n";
  const std::string many(120'000, 'v');
  const std::vector<Broken> kinds{
      {ok + "Name: " + many + end, "header line", 200},
      {"HTTP/1.1 200 " + many + end, "header line", 0},
      {ok + "Name: " + std::string(70'000, 'v') + end, "64 KiB", 200},
      {chunked + "0\r\nTrailer: " + many + "\r\n\r\n", "trailer", 200},
      {chunked + "FFFFFFFFFFFFFFFFFFFF\r\n", "chunk", 200},
      {chunked + "no number\r\n", "chunk", 200},
      {ok + "Content-Length: many\r\n\r\n{}", "malformed header", 200},
      {ok + "No colon" + end, "malformed header", 200},
  };
  const Broken broken = kinds.at(GENERATE(range(std::size_t{0}, std::size_t{8})));
  CAPTURE(broken.response.substr(0, 60));
  RawServer server{RawServer::Script{[broken](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send(broken.response));
  }}};
  pe::CurlTransport transport;
  if (broken.response.find("No colon") != std::string::npos && test::libcurl_is_older_than(88)) {
    SUCCEED("an older libcurl may ignore a line without a colon");
    return;
  }
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.http_status == broken.status);
  CHECK(error.code.empty());
  CHECK_THAT(error.message,
             test::ContainsSubstring(broken.named) && test::ContainsSubstring("endpoint URL") &&
                 test::ContainsSubstring("proxy") && !test::ContainsSubstring("memory"));
}

TEST_CASE("What is not HTTP is a Response error") {
  const std::string garbage =
      GENERATE("SSH-2.0-OpenSSH_9.2\r\n", "<html>no</html>", "\r\n\r\n\r\n");
  CAPTURE(garbage);
  RawServer server{RawServer::Script{[garbage](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.send(garbage));
  }}};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.connected);
  CHECK_THAT(error.message, test::ContainsSubstring("not HTTP"));
}

TEST_CASE("A server that never answers, or drips, is left at the timeout") {
  const bool drips = GENERATE(false, true);
  CAPTURE(drips);
  RawServer server{[drips](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    if (!drips) {
      static_cast<void>(connection.wait_for_release());
      return;
    }
    bool open = connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    while (open && connection.pause(std::chrono::milliseconds{10})) open = connection.send("b");
  }};
  pe::CurlTransport transport;
  pe::HttpRequest request = post(server.url());
  request.timeout = std::chrono::milliseconds{200};
  const auto begin = std::chrono::steady_clock::now();
  const pe::Error error = error_of(transport, request);
  const auto took = std::chrono::steady_clock::now() - begin;
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK(error.retryable);
  CHECK(error.connected);
  CHECK(error.where == place(server));
  CHECK(took >= std::chrono::milliseconds{195});
  CHECK(took < std::chrono::seconds{5});
}

TEST_CASE("A timeout of nothing is a timeout and not none") {
  RawServer server{
      [](RawConnection& connection) { static_cast<void>(connection.wait_for_release()); }};
  pe::CurlTransport transport;
  pe::HttpRequest request = post(server.url());
  request.timeout = GENERATE(std::chrono::milliseconds{0}, std::chrono::milliseconds::min());
  CHECK(error_of(transport, request).kind == pe::ErrorKind::Timeout);
}

TEST_CASE("A TLS handshake that never ends is left at the connect timeout, not connected") {
  RawServer server{[](RawConnection& connection) {
    static_cast<void>(connection.read_some());
    static_cast<void>(connection.wait_for_release());
  }};
  const bool by_options = GENERATE(false, true);
  pe::HttpOptions options;
  pe::HttpRequest request = post("https://" + place(server));
  (by_options ? options.connect_timeout : request.connect_timeout) = std::chrono::milliseconds{100};
  pe::CurlTransport transport{options};
  const auto begin = std::chrono::steady_clock::now();
  const pe::Error error = error_of(transport, request);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{3});
  CHECK(error.kind == pe::ErrorKind::Timeout);
  CHECK_FALSE(error.connected);
}

TEST_CASE("A refused connection is a Transport error, not connected") {
  pe::CurlTransport transport;
  const int port = test::closed_port();
  const pe::Error error =
      error_of(transport, post("http://127.0.0.1:" + std::to_string(port) + "/secret?secret"));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK_FALSE(error.connected);
  CHECK(error.where == "127.0.0.1:" + std::to_string(port));
}

TEST_CASE("A host without an address is a Transport error, not connected") {
  pe::CurlTransport transport;
  // RFC 6761: never resolves. A label of more than 63 bytes is not even asked for.
  const pe::Error error = error_of(transport, post("http://" + std::string(64, 'x') + ".invalid/"));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK_FALSE(error.connected);
}

TEST_CASE("Unusable URLs are refused and nothing is sent") {
  pe::CurlTransport transport;
  const std::string url = GENERATE("file:///etc/hostname", "http://", "http://host:99999/",
                                   "http://user:secret@127.0.0.1:1/");
  CAPTURE(url);
  const pe::Error error = error_of(transport, get(url));
  CHECK(error.kind == pe::ErrorKind::Configuration);
  CHECK_FALSE(error.retryable);
  CHECK_FALSE(error.connected);
}

TEST_CASE("A header with a line end is refused and nothing is sent") {
  RawServer server{test::answer_each(test::http_response(200))};
  pe::CurlTransport transport;
  pe::HttpRequest request = post(server.url());
  request.headers.emplace_back("X-Bad", "a\r\nX-Injected: secret");
  CHECK(error_of(transport, request).kind == pe::ErrorKind::InvalidArgument);
  CHECK(server.accepted() == 0);
}

TEST_CASE("A request goes through the proxy of the options, and a direct one does not") {
  RawServer proxy{test::answer_each(test::http_response(200, "proxy"))};
  RawServer server{test::answer_each(test::http_response(200, "server"))};
  // The environment neither adds to nor takes from an explicit proxy.
  const Environment no_proxy{"no_proxy", "*"};
  pe::HttpOptions options;
  options.proxy = proxy.url();
  pe::CurlTransport transport{options};
  pe::HttpRequest request = post(server.url("/path"));
  CHECK(answer(transport, request).body == "server");
  request.direct = false;
  CHECK(answer(transport, request).body == "proxy");
  CHECK_THAT(proxy.requests().at(0),
             test::ContainsSubstring("POST " + server.url("/path") + " HTTP/1.1"));
  CHECK(proxy.accepted() == 1);
  CHECK(server.accepted() == 1);
}

TEST_CASE("A request goes through the proxy of the environment, and a direct one does not") {
  RawServer proxy{test::answer_each(test::http_response(200, "proxy"))};
  RawServer server{test::answer_each(test::http_response(200, "server"))};
  const Environment http_proxy{"http_proxy", proxy.url()};
  const Environment no_proxy{"no_proxy", std::nullopt};
  const Environment no_proxy_upper{"NO_PROXY", std::nullopt};
  pe::CurlTransport transport;
  pe::HttpRequest request = post(server.url());
  CHECK(answer(transport, request).body == "server");
  request.direct = false;
  CHECK(answer(transport, request).body == "proxy");
}

TEST_CASE("A proxy that cannot be reached is named, not the endpoint") {
  const std::string url = "http://127.0.0.1:" + std::to_string(test::closed_port());
  const bool is_of_environment = GENERATE(false, true);
  const std::string scheme = GENERATE("http", "https");
  CAPTURE(is_of_environment, scheme);
  const Environment variable{(scheme + "_proxy").c_str(),
                             is_of_environment ? std::optional<std::string>{url} : std::nullopt};
  const Environment no_proxy{"no_proxy", std::nullopt};
  const Environment no_proxy_upper{"NO_PROXY", std::nullopt};
  pe::HttpOptions options;
  if (!is_of_environment) options.proxy = url;
  pe::CurlTransport transport{options};
  pe::HttpRequest request = post(scheme + "://endpoint.invalid/");
  request.direct = false;
  const pe::Error error = error_of(transport, request);
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable);
  CHECK_FALSE(error.connected);
  CHECK(error.where == "proxy");
  CHECK_THAT(error.message, test::ContainsSubstring("connect to the proxy") &&
                                test::ContainsSubstring("HttpOptions::proxy"));
}

TEST_CASE("An endpoint that cannot be reached is named, not a proxy") {
  const std::string host = GENERATE("127.0.0.1", "localhost", "[::1]");
  const std::string place = host + ":" + std::to_string(test::closed_port());
  const Environment no_proxy{"no_proxy", "*"};
  pe::CurlTransport transport;
  pe::HttpRequest request = post("http://" + place + "/");
  request.direct = false;
  const pe::Error error = error_of(transport, request);
  CHECK(error.where == place);
  CHECK_THAT(error.message, !test::ContainsSubstring("proxy"));
}

TEST_CASE("What does not speak a proxy's language is told as such") {
  struct Proxy {
    std::string scheme;
    std::string sent;
    pe::ErrorKind kind;
    std::string named;
  };
  const std::vector<Proxy> kinds{
      {"http", "garbage\r\n\r\n", pe::ErrorKind::Transport, "as an HTTP proxy does"},
      {"http", "", pe::ErrorKind::Transport, "as an HTTP proxy does"},
      {"socks5h", "\x05\xff", pe::ErrorKind::Transport, "HttpOptions::proxy"},
      {"unknown", "", pe::ErrorKind::Configuration, "HttpOptions::proxy"},
  };
  const Proxy kind = kinds.at(GENERATE(range(std::size_t{0}, std::size_t{4})));
  CAPTURE(kind.scheme, kind.named);
  RawServer proxy{RawServer::Script{[kind](RawConnection& connection) {
    static_cast<void>(connection.read_some());
    static_cast<void>(connection.send(kind.sent));
  }}};
  pe::HttpOptions options;
  options.proxy = kind.scheme + "://" + place(proxy);
  pe::CurlTransport transport{options};
  pe::HttpRequest request = post("https://endpoint.invalid/");
  request.direct = false;
  const pe::Error error = error_of(transport, request);
  CHECK(error.kind == kind.kind);
  CHECK(error.retryable == (kind.kind == pe::ErrorKind::Transport));
  CHECK_FALSE(error.connected);
  CHECK_THAT(error.message, test::ContainsSubstring(kind.named));
}

TEST_CASE("A proxy that refuses a tunnel sees no signed header and gets no request") {
  const int status = GENERATE(407, 503);
  RawServer proxy{
      test::answer_each("HTTP/1.1 " + std::to_string(status) + " No\r\nContent-Length: 0\r\n\r\n")};
  pe::HttpOptions options;
  options.proxy = "http://user:secret@127.0.0.1:" + std::to_string(proxy.port());
  pe::CurlTransport transport{options};
  pe::HttpRequest request = post("https://127.0.0.1:9/");
  request.headers.emplace_back("X-Amz-Security-Token", "token");
  request.direct = false;
  const pe::Error error = error_of(transport, request);
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.retryable == (status != 407));
  CHECK_FALSE(error.connected);
  CHECK(error.http_status == 0);
  CHECK_THAT(error.message, test::ContainsSubstring("proxy"));
  CHECK_THAT(proxy.requests().at(0),
             test::ContainsSubstring("CONNECT 127.0.0.1:9 ") && !test::ContainsSubstring("Amz"));
}

TEST_CASE("After a fork the child has a connection of its own, and the parent keeps its one") {
  RawServer server{test::answer_each(test::http_response(200))};
  auto transport = std::make_unique<pe::CurlTransport>();
  CHECK(answer(*transport, post(server.url("/parent"))).status == 200);
  const pid_t child = ::fork();
  if (child == 0) {
    bool well = true;
    for (int i = 0; i < 2; ++i) {
      const auto response = transport->send(post(server.url("/child")));
      well = well && response && response->status == 200;
    }
    transport.reset();
    ::_exit(well ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(server.accepted() == 2);
  CHECK(answer(*transport, post(server.url("/parent"))).status == 200);
  CHECK(server.accepted() == 2);
  CHECK(server.requests().size() == 4);
}

TEST_CASE("A child that only destroys the inherited transport leaves its connections alone") {
  RawServer server{test::answer_each(test::http_response(200))};
  auto transport = std::make_unique<pe::CurlTransport>();
  CHECK(answer(*transport, post(server.url())).status == 200);
  const pid_t child = ::fork();
  if (child == 0) {
    // Closing one would say goodbye over TLS in the parent's name.
    const int open = open_descriptors();
    transport.reset();
    ::_exit(open_descriptors() == open ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = -1;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(answer(*transport, post(server.url())).status == 200);
  CHECK(server.accepted() == 1);
}

TEST_CASE("TLS to a server that speaks none is a Transport error, not connected") {
  RawServer server{[](RawConnection& connection) {
    static_cast<void>(connection.read_some());
    static_cast<void>(connection.send(test::http_response(400)));
  }};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post("https://" + place(server)));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK_FALSE(error.connected);
  CHECK_THAT(error.message, test::ContainsSubstring("TLS"));
  CHECK_THAT(server.requests().at(0), !test::ContainsSubstring("POST"));
}

TEST_CASE("TLS 1.2 and 1.3 are offered, and nothing older") {
  RawServer server{[](RawConnection& connection) { static_cast<void>(connection.read_some()); }};
  pe::CurlTransport transport;
  CHECK(error_of(transport, post("https://" + place(server))).kind == pe::ErrorKind::Transport);
  const std::string hello = server.requests().at(0);
  // RFC 8446, section 4.2.1: extension 43, its length, the length of a list of versions.
  CHECK(hello.find(std::string{"\x00\x2b\x00\x05\x04\x03\x04\x03\x03", 9}) != std::string::npos);
}

TEST_CASE("An authority of one's own is trusted by ca_file, and only by it") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: TLS with a certificate of our own, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity};
  pe::HttpOptions options;

  SECTION("trusted") {
    options.ca_file = identity.certificate();
    pe::CurlTransport transport{options};
    const pe::HttpResponse response = answer(transport, get(server.url()));
    CHECK(response.status == 200);
    CHECK_THAT(response.body, test::ContainsSubstring("s_server"));
  }
  SECTION("not trusted") {
    pe::CurlTransport transport;
    const pe::Error error = error_of(transport, get(server.url()));
    CHECK(error.kind == pe::ErrorKind::Transport);
    CHECK_FALSE(error.retryable);
    CHECK_FALSE(error.connected);
    CHECK_THAT(error.message,
               test::ContainsSubstring("ca_file") && test::ContainsSubstring("AWS_CA_BUNDLE"));
  }
  SECTION("trusted for another name") {
    options.ca_file = identity.certificate();
    pe::CurlTransport transport{options};
    const pe::Error error =
        error_of(transport, get("https://localhost:" + std::to_string(server.port()) + "/"));
    CHECK(error.kind == pe::ErrorKind::Transport);
    CHECK_FALSE(error.retryable);
    CHECK_THAT(error.message, test::ContainsSubstring("endpoint URL"));
  }
  SECTION("a file that is not there") {
    options.ca_file = identity.missing();
    pe::CurlTransport transport{options};
    const pe::Error error = error_of(transport, get(server.url()));
    CHECK(error.kind == pe::ErrorKind::Configuration);
    CHECK_FALSE(error.retryable);
    CHECK(error.where == identity.missing());
  }
  SECTION("a client certificate that is not there") {
    options.ca_file = identity.certificate();
    options.client_certificate = identity.missing();
    pe::CurlTransport transport{options};
    const pe::Error error = error_of(transport, get(server.url()));
    CHECK_FALSE(error.connected);
    // With another TLS library libcurl cannot tell this from a handshake that failed.
    const std::string library = curl_version_info(CURLVERSION_NOW)->ssl_version;
    if (library.find("OpenSSL") == std::string::npos) return;
    CHECK(error.kind == pe::ErrorKind::Configuration);
    CHECK(error.where == identity.missing());
  }
}

TEST_CASE("A client key that cannot be used is named, and no password is asked for") {
  const std::string library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (!test::has_openssl_command() || library.find("OpenSSL") == std::string::npos) {
    std::cout << "SKIPPED: keys of client certificates, for want of OpenSSL\n";
    return;
  }
  const test::SelfSigned identity;
  const test::SelfSigned other;
  const test::TlsServer server{identity};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  options.client_certificate = identity.certificate();
  SECTION("encrypted") { options.client_key = identity.encrypted_key(); }
  SECTION("missing") { options.client_key = identity.missing(); }
  SECTION("of another certificate") { options.client_key = other.key(); }
  pe::CurlTransport transport{options};

  // OpenSSL would ask on the terminal, or without one on the standard error output.
  const std::string said = identity.folder() + "/said";
  const int former = ::dup(STDERR_FILENO);
  const int file = ::open(said.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(::dup2(file, STDERR_FILENO) == STDERR_FILENO);
  const auto result = transport.send(get(server.url()));
  REQUIRE(::dup2(former, STDERR_FILENO) == STDERR_FILENO);
  CHECK(::lseek(file, 0, SEEK_END) == 0);
  static_cast<void>(::close(former));
  static_cast<void>(::close(file));

  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Configuration);
  CHECK_FALSE(result.error().retryable);
  CHECK(result.error().where == options.client_key);
  CHECK_THAT(result.error().message, test::ContainsSubstring("HttpOptions::client_key"));
}

TEST_CASE("A server that speaks TLS 1.1 at most is refused") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: TLS 1.1, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity, {"-www", "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"}};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  pe::CurlTransport transport{options};
  const pe::Error error = error_of(transport, get(server.url()));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK_FALSE(error.connected);
  CHECK_THAT(error.message, test::ContainsSubstring("TLS 1.2"));
}

TEST_CASE(
    "A server that requires a client certificate gets one, or the error names what it lacks") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: mutual TLS, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  // Under TLS 1.3 the server refuses a certificate when the client takes the handshake for done.
  const std::string version = GENERATE("-tls1_2", "-tls1_3");
  CAPTURE(version);
  const test::TlsServer server{
      identity,
      {"-www", version, "-Verify", "1", "-verify_return_error", "-CAfile", identity.certificate()}};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  options.client_key = identity.key();

  SECTION("trusted") {
    options.client_certificate = identity.certificate();
    pe::CurlTransport transport{options};
    CHECK(answer(transport, get(server.url())).status == 200);
    return;
  }
  std::string named = "requires";
  const test::SelfSigned unknown;
  SECTION("missing") { options.client_key.clear(); }
  SECTION("of an unknown authority") {
    options.client_certificate = unknown.certificate();
    options.client_key = unknown.key();
    named = "rejected the client certificate";
  }
  SECTION("expired") {
    options.client_certificate = identity.expired_certificate();
    named = "client certificate has expired";
  }
  pe::CurlTransport transport{options};
  const pe::Error error = error_of(transport, get(server.url()));
  CAPTURE(error.message);
  CHECK(error.kind == pe::ErrorKind::Transport);
  const std::string library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (library.find("OpenSSL") == std::string::npos) return;
  CHECK_FALSE(error.connected);
  CHECK_FALSE(error.retryable);
  CHECK_THAT(error.message, test::ContainsSubstring("HttpOptions::client_certificate"));
  CHECK_THAT(error.message, test::ContainsSubstring("TLS alert"));
  // TLS 1.2 has no alert for a missing certificate: it is a handshake that failed.
  if (named != "requires" || version == "-tls1_3") {
    CHECK_THAT(error.message, test::ContainsSubstring(named));
  }
}

TEST_CASE("A handshake that fails says why") {
  struct Failing {
    std::string sent;
    bool retryable;
    std::string named;
  };
  const auto alert = [](char number) {
    return std::string{"\x15\x03\x03\x00\x02\x02", 6} + number;
  };
  const std::vector<Failing> kinds{
      {"HTTP/1.1 400 Bad\r\n\r\n", false, "does not speak TLS"},
      {"", true, "closed during the TLS handshake"},
      {alert(40), false, "HttpOptions::client_certificate"},
      {alert(42), false, "requires a client certificate"},
      {alert(70), false, "TLS 1.2"},
      {alert(80), true, "TLS alert 80"},
      {alert(112), false, "host name"},
      {alert(116), false, "requires a client certificate"},
  };
  const Failing failing = kinds.at(GENERATE(range(std::size_t{0}, std::size_t{8})));
  CAPTURE(failing.named);
  RawServer server{RawServer::Script{[failing](RawConnection& connection) {
    static_cast<void>(connection.read_some());
    static_cast<void>(connection.send(failing.sent));
  }}};
  pe::CurlTransport transport;
  const pe::Error error = error_of(transport, post("https://" + place(server)));
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK_FALSE(error.connected);
  const std::string library = curl_version_info(CURLVERSION_NOW)->ssl_version;
  if (library.find("OpenSSL") == std::string::npos) return;
  CHECK(error.retryable == failing.retryable);
  CHECK_THAT(error.message, test::ContainsSubstring(failing.named));
}

TEST_CASE("Over TLS too a connection stood once the handshake was done") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: an answer over TLS that is not HTTP, for want of the openssl command\n";
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity, {"-rev"}};  // says each line backwards
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  pe::CurlTransport transport{options};
  const pe::Error error = error_of(transport, post(server.url()));
  CHECK(error.kind == pe::ErrorKind::Response);
  CHECK(error.connected);
}

TEST_CASE("A SIGPIPE that arises during an exchange never reaches the caller") {
  static volatile sig_atomic_t raised = 0;
  raised = 0;
  struct sigaction former {};
  struct sigaction count {};
  count.sa_handler = [](int) { raised = raised + 1; };
  REQUIRE(::sigaction(SIGPIPE, &count, &former) == 0);

  const pthread_t sender = ::pthread_self();
  std::atomic<int> sent{0};
  RawServer server{[sender, &sent](RawConnection& connection) {
    while (!connection.read_request().empty()) {
      // As a write of the TLS library to a closed connection would, at a moment that is certain.
      if (::pthread_kill(sender, SIGPIPE) == 0) ++sent;
      if (!connection.send(test::http_response(200))) return;
    }
  }};
  pe::CurlTransport transport;
  for (int i = 0; i < 3; ++i) CHECK(answer(transport, post(server.url())).status == 200);
  CHECK(sent == 3);
  CHECK(raised == 0);
  REQUIRE(::sigaction(SIGPIPE, &former, nullptr) == 0);
}

TEST_CASE("Without descriptors the transport says so, and works again when there are some") {
  if (!test::has_openssl_command()) return;
  const test::SelfSigned identity;
  const test::TlsServer server{identity};
  pe::HttpOptions options;
  options.ca_file = identity.certificate();
  options.client_certificate = identity.certificate();
  options.client_key = identity.key();
  pe::CurlTransport transport{options};
  const std::string closed = "http://127.0.0.1:" + std::to_string(test::closed_port()) + "/";
  // A handle that was in use keeps the errno of its last failure.
  if (GENERATE(false, true)) CHECK(error_of(transport, get(closed)).code.empty());

  const std::string urls[] = {server.url(), closed, "http://localhost:1/",
                              "https://no-such-host.invalid/"};
  const std::string url = urls[GENERATE(0, 1, 2, 3)];
  const std::size_t left = GENERATE(0U, 1U, 2U, 3U);
  CAPTURE(url, left);
  std::optional<pe::Result<pe::HttpResponse>> result;
  {
    const test::FewDescriptors few{left};
    result = transport.send(get(url));
  }
  REQUIRE(result);
  // A few can be enough for an exchange within this machine.
  CHECK((left > 0 || !result->has_value()));
  if (!*result) {
    const pe::Error& error = result->error();
    CAPTURE(pe::to_string(error));
    CHECK(error.kind == pe::ErrorKind::Transport);
    CHECK(error.code == "NoDescriptors");
    CHECK_FALSE(error.connected);
    CHECK_FALSE(error.may_have_been_delivered);
    CHECK(error.retryable);
    CHECK(pe::detail::is_local_failure(error));
  }
  CHECK(answer(transport, get(server.url())).status == 200);
  CHECK(error_of(transport, get(closed)).code.empty());
}
