// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/providers/sts_query.hpp"

#include <chrono>
#include <memory>
#include <string>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

namespace {

const char* const kRole = "arn:aws:sts::123456789012:assumed-role/r/sess";

std::string element(const std::string& name, const std::string& text) {
  return "<" + name + ">" + text + "</" + name + ">";
}

std::string answer(const std::string& credentials, const std::string& arn = element("Arn", kRole)) {
  return element("AssumeRoleResponse",
                 element("AssumeRoleResult",
                         element("AssumedRoleUser", arn) + element("Credentials", credentials)) +
                     element("ResponseMetadata", element("RequestId", "1d")));
}

const std::string kId = element("AccessKeyId", "id-MARKER");
const std::string kSecret = element("SecretAccessKey", "secret-MARKER");
const std::string kToken = element("SessionToken", "token-MARKER");
const std::string kTime = element("Expiration", "2026-03-01T13:34:56Z");
const std::string kKeys = kId + kSecret + kToken + kTime;

std::string refusal(const std::string& code, const std::string& request_id = "1d-1") {
  return element("ErrorResponse",
                 element("Error", element("Type", "Sender") + element("Code", code) +
                                      element("Message", "said MARKER")) +
                     element("RequestId", request_id));
}

pe::Result<pe::Credentials> read(const std::string& body, int status = 200) {
  return detail::credentials_of_sts({status, {}, body}, "AssumeRole");
}

pe::Error error_of(const pe::Result<pe::Credentials>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(result.error().code == "FailedSource");
  CHECK(result.error().where == "AWS STS");
  CHECK(test::all_texts(result.error()).find("MARKER") == std::string::npos);
  return result.error();
}

std::string url(const std::string& region, bool use_fips = false, bool use_dual_stack = false,
                const std::string& endpoint_url = {}) {
  const auto endpoint = detail::sts_endpoint({region, endpoint_url, use_fips, use_dual_stack});
  return endpoint ? endpoint->url : endpoint.error().where + "!";
}

}  // namespace

TEST_CASE("the endpoint is the region's, by the rule set of STS") {
  CHECK(url("us-east-1") == "https://sts.us-east-1.amazonaws.com");
  CHECK(url("cn-north-1") == "https://sts.cn-north-1.amazonaws.com.cn");
  CHECK(url("us-east-1", true) == "https://sts-fips.us-east-1.amazonaws.com");
  CHECK(url("us-east-1", false, true) == "https://sts.us-east-1.api.aws");
  CHECK(url("us-east-1", true, true) == "https://sts-fips.us-east-1.api.aws");
  CHECK(url("us-gov-west-1") == "https://sts.us-gov-west-1.amazonaws.com");
  CHECK(url("us-gov-west-1", true) == "https://sts.us-gov-west-1.amazonaws.com");
  CHECK(url("us-gov-west-1", true, true) == "https://sts-fips.us-gov-west-1.api.aws");
}

TEST_CASE("a custom endpoint takes the place of the region's") {
  CHECK(url("", false, false, "https://sts.example.com/base/") == "https://sts.example.com/base");
  CHECK(url("us-east-1", false, false, "http://127.0.0.1:4566") == "http://127.0.0.1:4566");
  CHECK(url("us-east-1", true, false, "https://sts.example.com") == "use_fips!");
  CHECK(url("us-gov-west-1", true, false, "https://sts.example.com") == "use_fips!");
  CHECK(url("us-east-1", false, true, "https://sts.example.com") == "use_dual_stack!");
}

TEST_CASE("an endpoint that cannot be is a mistake in the configuration") {
  CHECK(url("") == "region!");
  CHECK(url("us east") == "region!");
  CHECK(url("", false, false, "ftp://MARKER") == "endpoint_url!");
  const auto endpoint = detail::sts_endpoint({"", "https://user:MARKER@example.com"});
  REQUIRE_FALSE(endpoint.has_value());
  CHECK(endpoint.error().kind == pe::ErrorKind::Credentials);
  CHECK(endpoint.error().code == "MisconfiguredSource");
  CHECK(test::all_texts(endpoint.error()).find("MARKER") == std::string::npos);
}

TEST_CASE("the ARN of a role is 20 to 2048 characters that begin with arn:") {
  const std::string shortest = "arn:aws:iam::1:role/";
  REQUIRE(shortest.size() == 20);
  CHECK(detail::check_role_arn(shortest).has_value());
  CHECK(detail::check_role_arn(shortest + std::string(2028, 'r')).has_value());
  for (const std::string& bad :
       {std::string{}, shortest.substr(0, 19), shortest + std::string(2029, 'r'), "role" + shortest,
        shortest + " x", shortest + "\n", shortest + "\xC3\xA9"}) {
    CAPTURE(bad);
    const auto checked = detail::check_role_arn(bad);
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().where == "role_arn");
    CHECK(checked.error().code == "MisconfiguredSource");
  }
}

TEST_CASE("a session has the given name, or one of the moment") {
  const detail::TimePoint now{std::chrono::milliseconds{1'767'225'600'123}};
  const auto name = [now](const std::string& given) {
    return detail::role_session_name(given, now);
  };
  CHECK(*name("") == "personalize-events-1767225600123");
  CHECK(*name(*name("")) == *name(""));
  CHECK(*name("az") == "az");
  CHECK(*name("AZ09_+=,.@-") == "AZ09_+=,.@-");
  CHECK(*name(std::string(64, 'a')) == std::string(64, 'a'));
  for (const std::string& bad :
       {std::string{"a"}, std::string(65, 'a'), std::string{"a b"}, std::string{"a/b"},
        std::string{"a\nb"}, std::string{"\xC3\xA9"}}) {
    CAPTURE(bad);
    REQUIRE_FALSE(name(bad).has_value());
    CHECK(name(bad).error().where == "role_session_name");
    CHECK(name(bad).error().code == "MisconfiguredSource");
  }
}

TEST_CASE("a question is a form") {
  CHECK(detail::sts_form({}).empty());
  CHECK(detail::sts_form({{"A", ""}, {"B", "b"}}) == "A=&B=b");
  CHECK(detail::sts_form({{"A", " a  b/c=d&e+f~g%\xC3\xA9\n "}}) ==
        "A=+a++b%2Fc%3Dd%26e%2Bf~g%25%C3%A9%0A+");
  const auto endpoint = pe::detail::parse_endpoint_url("https://example.com:8443/base");
  const pe::HttpRequest request = detail::sts_request(*endpoint, {{"A", "b c"}});
  CHECK(request.method == "POST");
  CHECK(request.url == "https://example.com:8443/base/");
  CHECK(request.headers ==
        pe::Headers{{"Host", "example.com:8443"},
                    {"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}});
  CHECK(request.body == "A=b+c");
  CHECK(request.timeout > std::chrono::milliseconds::zero());
}

TEST_CASE("an answer gives credentials and their account") {
  const auto credentials = read(answer(kKeys));
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "id-MARKER");
  CHECK(credentials->secret_access_key == "secret-MARKER");
  CHECK(credentials->session_token == "token-MARKER");
  CHECK(credentials->expiration->time_since_epoch() == std::chrono::seconds{1'772'372'096});
  CHECK(credentials->account_id == "123456789012");
}

TEST_CASE("references and CDATA sections in keys are decoded") {
  const auto credentials =
      read(answer(element("AccessKeyId", "A&#x4B;IA") + element("SecretAccessKey", "a&amp;b&#60;") +
                  element("SessionToken", "<![CDATA[t<&]]>u") + kTime));
  REQUIRE(credentials.has_value());
  CHECK(credentials->access_key_id == "AKIA");
  CHECK(credentials->secret_access_key == "a&b<");
  CHECK(credentials->session_token == "t<&u");
}

TEST_CASE("the account is that of a well-formed ARN, or none") {
  const auto account = [](const std::string& arn) {
    const auto credentials = read(answer(kKeys, arn));
    REQUIRE(credentials.has_value());
    return credentials->account_id;
  };
  CHECK(account("").empty());
  for (const char* arn :
       {"", "arn", "arn:aws:sts::", "arn:aws:sts:123456789012:x", "arn:aws:sts::12345678901:x",
        "arn:aws:sts::1234567890123:x", "arn:aws:sts::12345678901x:x", "::::"}) {
    CAPTURE(arn);
    CHECK(account(element("Arn", arn)).empty());
  }
  CHECK(account(element("Arn", "arn:aws-cn:sts::000000000001")) == "000000000001");
}

TEST_CASE("a member that is missing or no key is named") {
  struct Case {
    std::string credentials;
    const char* member;
  };
  for (const Case& bad : {
           Case{kSecret + kToken + kTime, "AccessKeyId"},
           Case{kId + kToken + kTime, "SecretAccessKey"},
           Case{kId + kSecret + kTime, "SessionToken"},
           Case{kId + kSecret + kToken, "Expiration"},
           Case{element("AccessKeyId", "") + kSecret + kToken + kTime, "AccessKeyId"},
           Case{element("AccessKeyId", kId) + kSecret + kToken + kTime, "AccessKeyId"},
           Case{kId + element("SecretAccessKey", "a\tMARKER") + kToken + kTime, "SecretAccessKey"},
           Case{kId + element("SecretAccessKey", "a&#10;MARKER") + kToken + kTime,
                "SecretAccessKey"},
           Case{kId + kSecret + element("SessionToken", "a\r\nMARKER") + kTime, "SessionToken"},
           Case{kId + kSecret + element("SessionToken", "&#x7F;MARKER") + kTime, "SessionToken"},
           Case{kId + kSecret + element("SessionToken", "\xC3\xA9MARKER") + kTime, "SessionToken"},
       }) {
    CAPTURE(bad.credentials);
    CHECK_THAT(error_of(read(answer(bad.credentials))).message,
               test::ContainsSubstring(bad.member));
  }
}

TEST_CASE("an expiration that is no time is an error") {
  for (const char* time :
       {"", "soon", "1772372096", "2026-03-01", "2026-03-01T13:34:56", "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-03-01T24:00:00Z", "2026-03-01T13:34:56Z ",
        "99999-03-01T13:34:56Z", "-026-03-01T13:34:56Z", "2026-03-01T13:34:56.Z"}) {
    CAPTURE(time);
    const auto credentials = read(answer(kId + kSecret + kToken + element("Expiration", time)));
    CHECK_THAT(error_of(credentials).message, test::ContainsSubstring("Expiration"));
  }
}

TEST_CASE("keys elsewhere than in the result are none") {
  error_of(read(element("Credentials", kKeys)));
  error_of(read(element("AssumeRoleResult", element("Credentials", kKeys))));
  error_of(read(element("AssumeRoleResponse", element("Credentials", kKeys))));
  error_of(detail::credentials_of_sts({200, {}, answer(kKeys)}, "AssumeRoleWithWebIdentity"));
}

TEST_CASE("an answer that is cut anywhere gives no credentials") {
  const std::string whole = answer(kKeys);
  REQUIRE(read(whole).has_value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    CHECK_THAT(error_of(read(whole.substr(0, size))).message,
               test::ContainsSubstring("not whole and well-formed XML"));
  }
}

TEST_CASE("a refusal that is cut anywhere is still a refusal") {
  const std::string whole = refusal("AccessDenied");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    CAPTURE(size);
    const pe::Error error = error_of(read(whole.substr(0, size), 403));
    CHECK(error.http_status == 403);
    CHECK((error.message.find("AccessDenied") != std::string::npos) == (size == whole.size()));
  }
}

TEST_CASE("answers that are no STS answers are errors") {
  std::string nested;
  for (int i = 0; i < 10'000; ++i) nested += "<AssumeRoleResponse>";
  for (const std::string& body :
       {std::string{}, std::string{"OK"}, std::string(64 * 1024, '<'), nested,
        std::string{"{\"Credentials\":{\"AccessKeyId\":\"MARKER\"}}"},
        std::string{"<html><body>MARKER<br></body></html>"}, std::string(100, '\0'),
        "<!DOCTYPE x [<!ENTITY a \"MARKER\">]>" + answer(kKeys), answer(kKeys) + answer(kKeys),
        answer(kKeys) + "x", answer(kKeys + "\x01")}) {
    CAPTURE(body.substr(0, 80));
    error_of(read(body));
    CHECK(error_of(read(body, 302)).http_status == 302);
    CHECK(error_of(read(body, 503)).retryable);
  }
}

TEST_CASE("a refusal tells STS's code and request, never its words") {
  const pe::Error error = error_of(read(refusal("AccessDenied"), 403));
  CHECK(error.http_status == 403);
  CHECK(error.request_id == "1d-1");
  CHECK_FALSE(error.retryable);
  CHECK_THAT(error.message, test::ContainsSubstring("AccessDenied: let the trust policy"));
  for (const char* code :
       {"ExpiredToken", "ExpiredTokenException", "InvalidIdentityToken", "IDPRejectedClaim",
        "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
        "RequestExpired", "RegionDisabledException", "ValidationError", "SomethingNew"}) {
    CAPTURE(code);
    const pe::Error refused = error_of(read(refusal(code), 400));
    CHECK_THAT(refused.message, test::ContainsSubstring(std::string{code} + ": "));
    CHECK_FALSE(refused.retryable);
    CHECK_FALSE(refused.throttled);
  }
}

TEST_CASE("a code or request ID that may be a secret is not repeated") {
  const auto id_of = [](const std::string& id) {
    const pe::HttpResponse response{403, {{"x-amzn-RequestId", id}}, refusal("AccessDenied", id)};
    return error_of(read(response.body, 403)).request_id +
           pe::detail::sts_error_of(response).value().request_id;
  };
  CHECK(id_of("0d5b8c9a-9a4e") == "0d5b8c9a-9a4e0d5b8c9a-9a4e");
  for (const char* secret : {"AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNNXEXAMPLE", "wJalrXUtnFEMIK7MDENG",
                             "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx", "asia-token_of.the-session"}) {
    CAPTURE(secret);
    CHECK(error_of(read(refusal(secret), 403)).message.find(secret) == std::string::npos);
    CHECK(id_of(secret).empty());
  }
}

TEST_CASE("a refusal that passes is retryable") {
  for (const char* code : {"IDPCommunicationError", "RequestTimeout", "ServiceUnavailable",
                           "InternalFailure", "InternalError"}) {
    CAPTURE(code);
    const pe::Error refused = error_of(read(refusal(code), 400));
    CHECK(refused.retryable);
    CHECK_FALSE(refused.throttled);
    CHECK_THAT(refused.message, test::ContainsSubstring("try again later"));
  }
  for (const char* code : {"Throttling", "ThrottlingException", "RequestLimitExceeded"}) {
    CAPTURE(code);
    const pe::Error refused = error_of(read(refusal(code), 400));
    CHECK(refused.retryable);
    CHECK(refused.throttled);
  }
  CHECK(error_of(read("", 500)).retryable);
  CHECK(error_of(read("", 429)).retryable);
  CHECK_FALSE(error_of(read("", 400)).retryable);
}

TEST_CASE("an error inside an HTTP 200 is an error") {
  const pe::Error error = error_of(read(refusal("AccessDenied")));
  CHECK(error.http_status == 200);
  CHECK_THAT(error.message, test::ContainsSubstring("AccessDenied"));
  CHECK(error_of(read(refusal("Throttling"))).retryable);
}

TEST_CASE("only plain words of a refusal are told") {
  const std::string longest = "C" + std::string(63, 'c');
  CHECK_THAT(error_of(read(refusal(longest, longest), 400)).message,
             test::ContainsSubstring(longest));
  for (const std::string& bad :
       {longest + "c", std::string{"MARKER code"}, std::string{"MARKER&#10;code"},
        std::string{"MARKER\xC3\xA9"}, std::string{"MARKER/x"}, std::string{"MARKER&lt;"}}) {
    CAPTURE(bad);
    const pe::Error error = error_of(read(refusal(bad, bad), 400));
    CHECK(error.request_id.empty());
    CHECK(error.message == "refused with HTTP 400; check role_arn, region and endpoint_url");
  }
}

TEST_CASE("the request's id is taken from the header where the body has none") {
  const auto id = [](const std::string& header, const std::string& body) {
    return error_of(detail::credentials_of_sts({400, {{"x-amzn-requestid", header}}, body}, "A"))
        .request_id;
  };
  CHECK(id("0d-5b", "") == "0d-5b");
  CHECK(id("0d-5b", refusal("X")) == "1d-1");
  CHECK(id("MARKER with blanks", "").empty());
}

TEST_CASE("STS is asked again after a refusal that passes, three times in all") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  const detail::SourceContext context{{transport, platform}};
  const auto ask = [&](std::size_t expected_requests) {
    const std::size_t before = transport->requests().size();
    const auto response =
        detail::ask_sts(context, {"POST", "https://example.com/"}, detail::Carries::Secrets);
    REQUIRE(response.has_value());
    CHECK(transport->requests().size() - before == expected_requests);
    return response->body;
  };
  transport->reply(pe::HttpResponse{400, {}, refusal("IDPCommunicationError")});
  transport->reply(pe::HttpResponse{400, {}, refusal("Throttling")});
  transport->reply(pe::HttpResponse{200, {}, "first"});
  CHECK(ask(3) == "first");
  transport->reply(pe::HttpResponse{503});
  transport->reply(pe::HttpResponse{200, {}, refusal("Throttling")});
  transport->reply(pe::HttpResponse{200, {}, "second"});
  CHECK(ask(3) == "second");
  transport->reply(pe::HttpResponse{403, {}, refusal("ExpiredTokenException")});
  CHECK(ask(1) == refusal("ExpiredTokenException"));
  transport->reply(pe::HttpResponse{400, {}, refusal("IDPCommunicationError")});
  CHECK(ask(3) == refusal("IDPCommunicationError"));
  for (const auto& sleep : platform->sleeps()) CHECK(sleep <= std::chrono::seconds{1});
}
