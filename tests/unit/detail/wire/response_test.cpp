// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/response.hpp"

#include <chrono>
#include <string>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::ErrorKind;
using pe::HttpResponse;
using pe::detail::wire::Connection;
using pe::detail::wire::error_of;
using namespace std::chrono_literals;

namespace {

constexpr const char* kPage = "<html><body>Please log in</body></html>";

/// The error of a response that must have one.
pe::Error error(int status, std::string body, pe::Headers headers = {},
                Connection connection = Connection::Trusted) {
  const auto found = error_of({status, std::move(headers), std::move(body)}, connection);
  REQUIRE(found);
  CHECK(found->connected);
  CHECK(found->http_status == status);
  CHECK(found->where.empty());
  return *found;
}

/// The error of a refusal by the service, which has a request ID.
pe::Error refusal(int status, std::string body, pe::Headers headers = {}) {
  headers.emplace_back("x-amzn-RequestId", "id");
  const pe::Error found = error(status, std::move(body), std::move(headers));
  CHECK(found.kind == ErrorKind::Service);
  CHECK(found.request_id == "id");
  return found;
}

/// The error of a response that must count as an intermediary's.
pe::Error intermediary(int status, std::string body, pe::Headers headers = {},
                       Connection connection = Connection::Trusted) {
  const pe::Error found = error(status, std::move(body), std::move(headers), connection);
  CHECK(found.kind == ErrorKind::Response);
  CHECK(found.code == pe::detail::retry::kIntermediary);
  CHECK(found.retryable);
  CHECK(found.may_have_been_delivered);
  CHECK(found.throttled == (status == 429));
  CHECK(found.request_id.empty());
  CHECK_THAT(found.message, test::ContainsSubstring("endpoint_url") &&
                                test::ContainsSubstring("captive portal") &&
                                !test::ContainsSubstring("log in"));
  return found;
}

std::string code_of(const std::string& body) { return refusal(400, body).code; }

std::optional<std::chrono::milliseconds> retry_after(const std::string& value) {
  return pe::detail::wire::retry_after_of({503, {{"X-Amz-Retry-After", value}}, {}});
}

std::optional<std::chrono::system_clock::time_point> date(const std::string& value) {
  return pe::detail::wire::date_of({403, {{"date", value}}, {}});
}

}  // namespace

TEST_CASE("A 2xx with a request ID is a success, whatever the body and the connection") {
  const int status = GENERATE(200, 201, 202, 204, 299);
  const std::string body = GENERATE("", "{}", "[]", kPage, R"({"code":"Odd"})");
  for (const Connection connection : {Connection::Plain, Connection::Trusted}) {
    CHECK_FALSE(error_of({status, {{"x-amzn-RequestId", "id"}}, body}, connection));
  }
}

TEST_CASE("A 2xx without a request ID needs TLS or loopback, and no body or a JSON object") {
  const int status = GENERATE(200, 204, 299);
  for (const char* body : {"", "{}", " {\"a\": [1]}\n", R"({"code":"Odd"})"}) {
    CAPTURE(body);
    CHECK_FALSE(error_of({status, {}, body}, Connection::Trusted));
    CHECK_FALSE(error_of({status, {{"x-amzn-RequestId", ""}}, body}, Connection::Trusted));
    const pe::Error plain = intermediary(status, body, {}, Connection::Plain);
    CHECK_THAT(plain.message, test::ContainsSubstring("x-amzn-RequestId"));
  }
  for (const char* body : {kPage, "[]", "[{}]", "null", "\"ok\"", "1", "{", "{}{}", " ", "OK"}) {
    CAPTURE(body);
    intermediary(status, body);
    intermediary(status, body, {{"x-amzn-RequestId", ""}, {"Server", "portal"}});
    intermediary(status, body, {}, Connection::Plain);
  }
}

TEST_CASE("A refusal without a mark of the service is an intermediary's") {
  const int status = GENERATE(400, 401, 402, 403, 404, 405, 407, 408, 409, 411, 413, 415, 422, 429,
                              431, 451, 500, 502, 503, 504, 511, 599);
  CAPTURE(status);
  for (const char* body : {"", kPage, "{}", "[]", R"({"message":"Forbidden"})", R"({"code":5})",
                           R"({"code":"","__type":""})", R"([{"code":"X"}])", "\"X\""}) {
    CAPTURE(body);
    const pe::Error found = intermediary(status, body);
    CHECK((found.message.find("credentials") != std::string::npos) == (status == 407));
    intermediary(status, body, {{"x-amzn-RequestId", ""}, {"x-amzn-ErrorType", ""}});
  }
}

TEST_CASE("One mark is enough for a refusal to be the service's, over any connection") {
  const int status = GENERATE(400, 403, 407, 413, 429, 500, 503);
  for (const Connection connection : {Connection::Plain, Connection::Trusted}) {
    CHECK(error(status, kPage, {{"X-AMZN-ERRORTYPE", "X"}}, connection).kind == ErrorKind::Service);
    CHECK(error(status, kPage, {{"x-amz-requestid", "id"}}, connection).kind == ErrorKind::Service);
    CHECK(error(status, R"({"code":"X"})", {}, connection).kind == ErrorKind::Service);
    CHECK(error(status, R"({"Code":"X"})", {}, connection).kind == ErrorKind::Service);
    CHECK(error(status, R"({"__type":"X"})", {}, connection).kind == ErrorKind::Service);
  }
}

TEST_CASE("the code is in the header, in `code`, or in `__type`, in that order") {
  const std::string body = R"({"__type":"FromType","code":"FromCode","message":"m"})";
  CHECK(error(400, body, {{"x-amzn-errortype", "FromHeader"}}).code == "FromHeader");
  CHECK(error(400, body, {{"X-Amzn-ErrorType", "FromHeader"}}).code == "FromHeader");
  CHECK(error(400, body, {{"x-amzn-ErrorType", ""}}).code == "FromCode");
  CHECK(code_of(body) == "FromCode");
  CHECK(code_of(R"({"Code":"FromCode"})") == "FromCode");
  CHECK(code_of(R"({"__type":"FromType"})") == "FromType");
  CHECK(code_of(R"({"code":5,"__type":"FromType"})") == "FromType");
  CHECK(code_of(R"({"code":5})").empty());
  CHECK(code_of(R"({"code":null,"__type":{"code":"no"}})").empty());
}

TEST_CASE("what stands around a code is cut off") {
  using pe::detail::wire::sanitize_error_code;
  CHECK(sanitize_error_code("FooError") == "FooError");
  CHECK(sanitize_error_code("FooError:http://internal/") == "FooError");
  CHECK(sanitize_error_code("aws.example#FooError") == "FooError");
  CHECK(sanitize_error_code("aws.example#FooError:http://internal/#x") == "FooError");
  CHECK(sanitize_error_code("").empty());
  CHECK(sanitize_error_code(":").empty());
  CHECK(sanitize_error_code("#").empty());
  CHECK(sanitize_error_code("a#").empty());
  CHECK(code_of(R"({"__type":"com.amazonaws.personalize#InvalidInputException"})") ==
        "InvalidInputException");
  CHECK(error(400, "",
              {{"x-amzn-ErrorType", "InvalidInputException:http://internal.amazon.com/coral/"}})
            .code == "InvalidInputException");
}

TEST_CASE("the message is found in each spelling") {
  CHECK(refusal(400, R"({"message":"lower","Message":"upper"})").message == "lower");
  CHECK(refusal(400, R"({"Message":"upper","errorMessage":"long"})").message == "upper");
  CHECK(refusal(400, R"({"errorMessage":"long"})").message == "long");
  CHECK(refusal(400, R"({"message":7,"Message":"upper"})").message == "upper");
  CHECK(refusal(400, "{}").message.empty());
}

TEST_CASE("a body that cannot be read gives an error without code and message") {
  using namespace std::string_view_literals;
  const std::string deep = R"({"code":"X","a":)" + std::string(100'000, '[');
  for (const std::string_view body :
       {""sv, "<html>502 Bad Gateway</html>"sv, "{\"code\":\"Cut"sv, "{\"code\":\"X\"}\0"sv,
        "{\"code\":\"X\0\"}"sv, "{\"code\":\"\xFF\"}"sv, "\"X\""sv, "[\"code\"]"sv, "null"sv,
        "{\"code\":\"\\ud800\"}"sv, std::string_view(deep)}) {
    const pe::Error found = refusal(503, std::string(body));
    CHECK(found.code.empty());
    CHECK(found.message.empty());
    CHECK(found.retryable);
    CHECK(found.may_have_been_delivered);
  }
  CHECK(error(503, std::string(deep), {{"x-amzn-ErrorType", "SlowDown"}}).code == "SlowDown");
}

TEST_CASE("codes and messages become one printable line of bounded length") {
  CHECK(refusal(400, R"({"message":"a\r\nb\tc\u0000d\u001b[31m\u007f"})").message ==
        "a  b c d [31m ");
  CHECK(refusal(400, R"({"message":"\u00e4 \ud83c\udfac"})").message ==
        "\xC3\xA4 \xF0\x9F\x8E\xAC");
  CHECK(error(400, "", {{"x-amzn-ErrorType", "A\nB"}}).code == "A B");
  CHECK(error(400, "", {{"x-amzn-ErrorType", "\xFF"}}).code.empty());

  const std::string most(1024, 'x');
  CHECK(refusal(400, R"({"message":")" + most + "\"}").message == most);
  CHECK(refusal(400, R"({"message":")" + most + "y\"}").message == most + "...");
  const pe::Error huge = error(400,
                               R"({"message":")" + std::string(60'000, 'x') + R"(","code":")" +
                                   std::string(60'000, 'c') + "\"}",
                               {{"x-amzn-RequestId", std::string(60'000, 'r')}});
  CHECK(huge.message.size() == 1027);
  CHECK(huge.code.size() == 1027);
  CHECK(huge.request_id.size() == 1027);
  // A character that does not fit is left out whole.
  const std::string cut =
      refusal(400, R"({"message":")" + std::string(1023, 'x') + "\xC3\xA4\"}").message;
  CHECK(cut == std::string(1023, 'x') + "...");
}

TEST_CASE("each status sets its flags") {
  struct Expected {
    int status;
    const char* code;
    bool retryable, throttled, may_have_been_delivered;
  };
  for (const auto& [status, code, retryable, throttled, delivered] : {
           Expected{400, "InvalidInputException", false, false, false},
           Expected{400, "ThrottlingException", true, true, false},
           Expected{401, "NotAuthorized", false, false, false},
           Expected{403, "AccessDeniedException", false, false, false},
           Expected{403, "ExpiredTokenException", false, false, false},
           Expected{403, "SignatureDoesNotMatch", false, false, false},
           Expected{404, "ResourceNotFoundException", false, false, false},
           Expected{408, "RequestTimeoutException", true, false, false},
           Expected{409, "ResourceInUseException", true, false, false},
           Expected{413, "RequestEntityTooLargeException", false, false, false},
           Expected{429, "", true, true, false},
           Expected{429, "TooManyRequestsException", true, true, false},
           Expected{500, "InternalFailure", true, false, true},
           Expected{500, "", true, false, true},
           Expected{501, "", true, false, true},
           Expected{502, "", true, false, true},
           Expected{503, "ServiceUnavailable", true, false, true},
           Expected{503, "SlowDown", true, true, true},
           Expected{504, "", true, false, true},
           Expected{599, "", true, false, true},
       }) {
    CAPTURE(status, code);
    const pe::Error found = refusal(status, R"({"code":")" + std::string(code) + "\"}");
    CHECK(found.code == code);
    CHECK(found.retryable == retryable);
    CHECK(found.throttled == throttled);
    CHECK(found.may_have_been_delivered == delivered);
  }
}

TEST_CASE("A status that is neither success nor refusal is an unexpected response") {
  for (const int status : {100, 101, 199, 300, 301, 302, 304, 307, 308, 399, 0}) {
    CAPTURE(status);
    const pe::Error found =
        error(status, R"({"code":"X"})",
              {{"Location", "http://elsewhere/"}, {"x-amzn-RequestId", "id-1"}});
    CHECK(found.kind == ErrorKind::Response);
    CHECK(found.code.empty());
    CHECK_FALSE(found.retryable);
    CHECK(found.request_id == "id-1");
    CHECK_THAT(found.message,
               test::ContainsSubstring("unexpected status " + std::to_string(status)));
    CHECK(found.message.find("elsewhere") == std::string::npos);
  }
}

TEST_CASE("The request ID is found in each spelling") {
  for (const char* name : {"x-amzn-RequestId", "X-AMZN-REQUESTID", "x-amzn-requestid",
                           "x-amzn-request-id", "X-Amz-Request-Id", "x-amz-requestid"}) {
    CHECK(pe::detail::wire::request_id_of({200, {{"Date", "d"}, {name, "id-1"}}, {}}) == "id-1");
    CHECK(error(400, "", {{name, "id-1"}}).request_id == "id-1");
  }
  CHECK(pe::detail::wire::request_id_of(
            {200, {{"x-amz-request-id", "third"}, {"x-amzn-requestid", "first"}}, {}}) == "first");
  CHECK(pe::detail::wire::request_id_of(
            {200, {{"x-amz-request-id", "third"}, {"x-amzn-requestid", ""}}, {}}) == "third");
  CHECK(pe::detail::wire::request_id_of({200, {}, {}}).empty());
  CHECK(pe::detail::wire::request_id_of({200, {{"x-amzn-RequestId", "\xFF"}}, {}}).empty());
  CHECK(pe::detail::wire::request_id_of({200, {{"x-amzn-RequestId", "a\nb"}}, {}}) == "a b");
}

TEST_CASE("x-amz-retry-after is a number of milliseconds") {
  CHECK(retry_after("0") == 0ms);
  CHECK(retry_after("1500") == 1500ms);
  CHECK(retry_after("86400000") == 24h);
  CHECK(retry_after("9223372036854775807") == 24h);
  for (const char* value : {"", "-1", "-1500", "1.5", "1e3", "abc", "10 s", " 10", "+10", "0x10",
                            "99999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"}) {
    CAPTURE(value);
    CHECK_FALSE(retry_after(value));
  }
  CHECK_FALSE(pe::detail::wire::retry_after_of({503, {{"Retry-After", "3"}}, {}}));
  CHECK_FALSE(pe::detail::wire::retry_after_of({503, {}, {}}));
}

TEST_CASE("the service's Date is read when it is one") {
  using Clock = std::chrono::system_clock;
  CHECK(date("Sun, 30 Aug 2015 12:36:00 GMT") == Clock::time_point{1'440'938'160s});
  for (const char* value :
       {"", "now", "1440938160", "Sun, 30 Aug 2015 12:36:00", "Sunday, 30-Aug-15 12:36:00 GMT",
        "Sun, 99 Aug 2015 12:36:00 GMT", "Sun Aug 30 12:36:00 2015"}) {
    CAPTURE(value);
    CHECK_FALSE(date(value));
  }
  CHECK_FALSE(pe::detail::wire::date_of({403, {}, {}}));
}

TEST_CASE("a Date that no service of today gives is none") {
  CHECK(date("Sat, 01 Jan 2000 00:00:00 GMT"));
  CHECK(date("Tue, 31 Dec 2199 23:59:59 GMT"));
  for (const char* value : {"Fri, 31 Dec 1999 23:59:59 GMT", "Wed, 01 Jan 2200 00:00:00 GMT",
                            "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT",
                            "Mon, 01 Jan 0001 00:00:00 GMT"}) {
    CAPTURE(value);
    CHECK_FALSE(date(value));
  }
}
