// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/request_check.hpp"

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

TEST_CASE("A client key without its certificate is refused, because it would have no effect") {
  pe::HttpOptions options;
  options.client_key = "/key.pem";
  const pe::Error error = refused(sound_request(), options);
  CHECK(error.kind == pe::ErrorKind::Configuration);
  CHECK(error.where == "HttpOptions::client_certificate");
  CHECK_THAT(error.message, test::ContainsSubstring("HttpOptions::client_key"));
  options.client_certificate = "/certificate.pem";
  CHECK(detail::check_request(sound_request(), options).has_value());
}
