// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/http/curl_exchange.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

namespace {

pe::HttpRequest sound_request() {
  return {"POST", "https://host/events", {{"Name", "value"}}, "{}"};
}

pe::Error refused(const pe::HttpRequest& request, const pe::HttpOptions& options = {}) {
  const auto checked = detail::check_request(request, options);
  REQUIRE_FALSE(checked.has_value());
  CHECK_FALSE(checked.error().retryable);
  CHECK_FALSE(checked.error().connected);
  CHECK_FALSE(checked.error().may_have_been_delivered);
  return checked.error();
}

detail::CurlFailure failure(CURLcode code, bool connected, int status = 0) {
  detail::CurlFailure made;
  made.code = code;
  made.connected = connected;
  made.status = status;
  return made;
}

void check(const detail::CurlFailure& what, pe::ErrorKind kind, bool retryable) {
  CAPTURE(what.code, what.connected, what.status);
  const detail::CurlVerdict verdict = detail::judge(what);
  CHECK(pe::to_string(verdict.kind) == std::string{pe::to_string(kind)});
  CHECK(verdict.retryable == retryable);
  CHECK(std::string{verdict.message}.size() > 20);
}

}  // namespace

TEST_CASE("A sound request passes the check") {
  pe::HttpRequest request = sound_request();
  CHECK(detail::check_request(request, {}).has_value());
  request.url = "HTTP://host";
  request.headers = {{"X-Empty", ""}, {"X-Tab", "a\tb"}, {"X-High", "\xc3\xa9"}};
  CHECK(detail::check_request(request, {}).has_value());
}

TEST_CASE("What would break the message is refused and its place named") {
  pe::HttpRequest request = sound_request();
  SECTION("header value") {
    const char breaker = GENERATE('\r', '\n', '\0');
    request.headers.emplace_back("Second", std::string{"a"} + breaker + "secret");
    const pe::Error error = refused(request);
    CHECK(error.kind == pe::ErrorKind::InvalidArgument);
    CHECK(error.where == "headers[1]");
    CHECK_THAT(error.message, !test::ContainsSubstring("secret"));
  }
  SECTION("header name") {
    const std::string name = GENERATE("", "a b", "a:b", "a;b", "a\r\nb", "\xc3\xa9");
    request.headers[0].first = name;
    const pe::Error error = refused(request);
    CHECK(error.kind == pe::ErrorKind::InvalidArgument);
    CHECK(error.where == "headers[0]");
  }
  SECTION("a header about the body's length") {
    const std::string name = GENERATE("content-length", "Transfer-Encoding");
    request.headers[0].first = name;
    CHECK(refused(request).kind == pe::ErrorKind::InvalidArgument);
  }
  SECTION("method") {
    const std::string method = GENERATE("", "GET /", "G\r\nT");
    request.method = method;
    CHECK(refused(request).where == "method");
  }
  SECTION("a HEAD request with a body") {
    request.method = "HEAD";
    CHECK(refused(request).where == "body");
  }
  SECTION("URL with what ends a line") {
    const char breaker = GENERATE('\r', '\n', '\0', ' ', '\t');
    request.url += breaker;
    const pe::Error error = refused(request);
    CHECK(error.kind == pe::ErrorKind::InvalidArgument);
    CHECK(error.where == "url");
  }
  SECTION("URL of another scheme") {
    const std::string url =
        GENERATE("", "host", "file:///etc/passwd", "ftp://host/", "https:/host", "httpx://host");
    request.url = url;
    const pe::Error error = refused(request);
    CHECK(error.kind == pe::ErrorKind::Configuration);
    CHECK(error.where == "url");
  }
  SECTION("no connection allowed") {
    pe::HttpOptions options;
    options.max_connections = 0;
    const pe::Error error = refused(request, options);
    CHECK(error.kind == pe::ErrorKind::Configuration);
    CHECK(error.where == "HttpOptions::max_connections");
  }
}

TEST_CASE("The place of a failure is host and port and nothing that is secret") {
  CHECK(detail::host_and_port("https://host/path?token=secret") == "host:443");
  CHECK(detail::host_and_port("http://user:secret@host:81/") == "host:81");
  CHECK(detail::host_and_port("http://[::1]:8080/") == "[::1]:8080");
  CHECK(detail::host_and_port("http://host:99999/").empty());
}

TEST_CASE("A refused option is named, and only the first one") {
  CURL* handle = curl_easy_init();
  REQUIRE(handle != nullptr);
  detail::CurlSetup setup{handle};
  CHECK(setup.result().has_value());
  const auto unknown = static_cast<CURLoption>(9999);
  setup.set_if_built_in(unknown, "TOLERATED", 1L);
  CHECK(setup.result().has_value());
  setup.set(unknown, "FIRST", 1L);
  setup.set_if_built_in(unknown, "SECOND", 1L);
  const auto result = setup.result();
  curl_easy_cleanup(handle);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Configuration);
  CHECK(result.error().where == "FIRST");
}

TEST_CASE("Codes that say all by themselves") {
  using Kind = pe::ErrorKind;
  check(failure(CURLE_COULDNT_RESOLVE_HOST, false), Kind::Transport, true);
  check(failure(CURLE_COULDNT_RESOLVE_PROXY, false), Kind::Transport, true);
  check(failure(CURLE_COULDNT_CONNECT, false), Kind::Transport, true);
  check(failure(CURLE_SSL_CONNECT_ERROR, false), Kind::Transport, true);
  check(failure(CURLE_PEER_FAILED_VERIFICATION, false), Kind::Transport, false);
  check(failure(CURLE_SSL_CACERT_BADFILE, false), Kind::Configuration, false);
  check(failure(CURLE_SSL_CERTPROBLEM, false), Kind::Configuration, false);
  check(failure(CURLE_URL_MALFORMAT, false), Kind::Configuration, false);
  check(failure(CURLE_LOGIN_DENIED, false), Kind::Configuration, false);
  check(failure(CURLE_UNSUPPORTED_PROTOCOL, false), Kind::Configuration, false);
  check(failure(CURLE_OPERATION_TIMEDOUT, false), Kind::Timeout, true);
  check(failure(CURLE_OPERATION_TIMEDOUT, true, 200), Kind::Timeout, true);
  CHECK_THAT(
      detail::judge(failure(CURLE_PEER_FAILED_VERIFICATION, false)).message,
      test::ContainsSubstring("HttpOptions::ca_file") && test::ContainsSubstring("AWS_CA_BUNDLE"));
}

TEST_CASE("A broken connection is judged by how far the exchange came") {
  const CURLcode code =
      GENERATE(CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE);
  check(failure(code, false), pe::ErrorKind::Transport, true);
  check(failure(code, true), pe::ErrorKind::Transport, true);
  check(failure(code, true, 200), pe::ErrorKind::Response, true);
}

TEST_CASE("Any other code is judged likewise, and an answer without a status is not HTTP") {
  const CURLcode code = GENERATE(CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP3);
  check(failure(code, true), pe::ErrorKind::Response, true);
  check(failure(code, true, 200), pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(failure(code, true)).message, test::ContainsSubstring("not HTTP"));
  check(failure(CURLE_HTTP3, false), pe::ErrorKind::Transport, true);
}

TEST_CASE("A response that passes a bound, and a proxy that refuses, are told as such") {
  detail::CurlFailure large = failure(CURLE_WRITE_ERROR, true);
  large.too_large = true;
  check(large, pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(large).message, test::ContainsSubstring("64 KiB"));

  detail::CurlFailure proxy = failure(CURLE_RECV_ERROR, false);
  proxy.proxy_status = 407;
  check(proxy, pe::ErrorKind::Transport, false);
  proxy.proxy_status = 503;
  check(proxy, pe::ErrorKind::Transport, true);
  CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("proxy"));
}

TEST_CASE("A handle that never connected is told from one that failed to send") {
  CURL* handle = curl_easy_init();
  REQUIRE(handle != nullptr);
  const pe::HttpRequest request = sound_request();
  const pe::HttpOptions options;
  detail::CurlExchange exchange{request, options};
  CHECK(exchange.prepare(handle, request.timeout).has_value());
  const pe::Error refused_connection = exchange.finish(handle, CURLE_COULDNT_CONNECT).error();
  const pe::Error failed_send = exchange.finish(handle, CURLE_SEND_ERROR).error();
  curl_easy_cleanup(handle);

  CHECK_FALSE(refused_connection.connected);
  CHECK_FALSE(refused_connection.may_have_been_delivered);
  CHECK(refused_connection.where == "host:443");
  CHECK_THAT(refused_connection.message,
             test::ContainsSubstring(curl_easy_strerror(CURLE_COULDNT_CONNECT)));
  CHECK(failed_send.kind == pe::ErrorKind::Transport);
  CHECK(failed_send.connected);
  CHECK(failed_send.may_have_been_delivered);
}
