// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/redact.hpp"

#include <ctime>
#include <string>
#include <string_view>

#include "catch.hpp"
#include "personalize_events/detail/base/base64.hpp"

namespace pe = personalize_events;
using pe::detail::wire::redact;
using pe::detail::wire::SentText;

namespace {

constexpr std::string_view kBody =
    R"({"trackingId":"zebra-77","userId":"anna","sessionId":"s-1","eventList":[{"eventType":)"
    R"("watch","eventValue":4711.25,"itemId":"film/12","properties":"{\"genre\":\"noir\",\"k\":)"
    R"({\"title\":\"M\u00fcller & Sohn\"}}"}]})";
constexpr std::string_view kToken = "IQoJb3JpZ2luX2VjEPT//////////wEaCXVzLWVhc3QtMSJHMEUCIQ";

std::string redacted(std::string_view message) {
  return redact(message, {kBody, {"AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG", kToken}});
}

}  // namespace

TEST_CASE("A message that repeats nothing stays as it is") {
  for (const char* message :
       {"", "Rate exceeded", "1 validation error detected", "The security token is expired",
        "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: "
        "personalize:PutEvents on resource: "
        "arn:aws:personalize:us-east-1:123456789012:event-tracker/a",
        "M\xC3\xBCnchen %C3%BC &amp; \\n"}) {
    CHECK(redacted(message) == message);
  }
}

TEST_CASE("Values of the body are removed, names of members stay") {
  CHECK(redacted("Value 'anna' at 'userId' is not allowed") ==
        "Value '[removed]' at 'userId' is not allowed");
  CHECK(redacted("Value film/12 at 'eventList.1.member.itemId' failed") ==
        "Value [removed] at 'eventList.1.member.itemId' failed");
  CHECK(redacted("eventValue 4711.25 is too large for noir") ==
        "eventValue [removed] is too large for [removed]");
  CHECK(redacted("Susanna: no; FILM/12: no") == "Sus[removed]: no; [removed]: no");
}

TEST_CASE("Values are removed in every encoding") {
  for (const char* message :
       {"title \"M\xC3\xBCller & Sohn\" refused", R"(title "M\u00fcller & Sohn" refused)",
        R"(title "M&#252;ller &amp; Sohn" refused)", R"(title "M%C3%BCller%20%26%20Sohn" refused)",
        R"(title "M%C3%BCller+%26+Sohn" refused)", "title \"M\xC3\x9CLLER & SOHN\" refused",
        "title \"M\xC3\x9CLLER &AMP; SOHN\" refused"}) {
    CHECK(redacted(message) == "title \"[removed]\" refused");
  }
}

TEST_CASE("Values are removed in base64, wherever they begin") {
  const std::string token{kToken};
  for (const std::string before : {"", "a", "ab", "abc", "token="}) {
    for (const std::string after : {"", "x", "xy", "xyz"}) {
      const std::string coded = pe::detail::to_base64url(before + token + after);
      const std::string text = redacted("got " + coded + ".");
      CAPTURE(coded, text);
      CHECK(text.find("[removed]") != std::string::npos);
      CHECK(text.size() < std::string{"got [removed]."}.size() + 16);
    }
  }
  // 0xFB and 0xFF are "-" and "_" or "+" and "/".
  const std::string bytes = "{\"k\":\"\u07ff\u07ff\u07ff\u07ff\u07ffzebra-77\"}";
  const std::string value = "\u07ff\u07ff\u07ff\u07ff\u07ffzebra-77";
  std::string coded = pe::detail::to_base64url(value);
  CHECK(redact("padding-of-a-message " + coded, {bytes}).find(coded.substr(4, 12)) ==
        std::string::npos);
  for (char& c : coded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  CHECK(redact("padding-of-a-message " + coded, {bytes}).find(coded.substr(4, 12)) ==
        std::string::npos);
}

TEST_CASE("Parts of values are removed") {
  CHECK(redacted("id zebra... refused") == "id [removed]... refused");
  CHECK(redacted("id ...ra-77 refused") == "id ...[removed] refused");
  CHECK(redacted("zebr, zebras and ebra") == "[removed], zebras and [removed]");
  CHECK(redacted(kToken.substr(0, 9)) == "[removed]");
  CHECK(redacted(kToken.substr(11, 8)) == "[removed]");
  CHECK(redacted("x" + std::string{kToken.substr(3, 30)} + "y") == "x[removed]y");
  CHECK(redacted("key AKIAIOSFODNN7EXAMPLE and AKIAIOSF****") == "key [removed] and [removed]****");
}

TEST_CASE("Parts of long values are removed from 8 characters on, so that prose costs no message") {
  const std::string prose =
      "This film has a member who must satisfy a constraint of the value that failed. " +
      std::string(256, '.');
  const std::string body = R"({"items":[{"properties":"{\"text\":\")" + prose + R"(\"}"}]})";
  CHECK(redact("Value failed to satisfy constraint: member must have", {body}) ==
        "Value failed to[removed]must have");
  CHECK(redact("This film has a member who", {body}) == "[removed]");
}

TEST_CASE("A message ends before the canonical request") {
  for (const char* phrase :
       {"The Canonical String for this request should have been\n'POST\n/events",
        "THE CANONICAL STRING for", "The%20Canonical%20String for", "The+Canonical+String",
        "The String-to-Sign should have been\n'AWS4-HMAC-SHA256"}) {
    CHECK(redacted("The signature does not match. " + std::string{phrase}) ==
          "The signature does not match. ");
  }
}

TEST_CASE("Hashes and signatures are removed, also when no part of the request is known") {
  const std::string hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  CHECK(redact("got " + hash + ".", {}) == "got [removed].");
  CHECK(redact("id 0d5b8c9a-9a4e-4a58-8b7e-1f2d3c4b5a69", {}) ==
        "id 0d5b8c9a-9a4e-4a58-8b7e-1f2d3c4b5a69");
}

TEST_CASE("Scraps between removed parts are removed") {
  CHECK(redacted(R"(["anna","film/12","watch"])") == R"(["[removed]"])");
}

TEST_CASE("A body that is not JSON counts as one long value") {
  CHECK(redact("said secret words", {"{these are secret words"}) == "said[removed]");
  CHECK(redact("said words", {"{these are secret words"}) == "said words");
}

TEST_CASE("Only the first 4 KiB of a message count, and no character is cut") {
  const std::string long_message = std::string(4095, 'm') + "\xC3\xBC" + std::string(100, 'm');
  CHECK(redact(long_message, {}) == std::string(4095, 'm'));
}

TEST_CASE("The work grows with message plus body, not with their product") {
  // Every position of the message matches every position of the body.
  const std::string body = "{\"k\":\"" + std::string(400'000, 'a') + "\"}";
  const auto work = [&body](std::size_t length) {
    const std::string message(length, 'a');
    const std::clock_t begin = std::clock();
    CHECK(redact(message, {body}) == "[removed]");
    return std::clock() - begin + 1;
  };
  // By the product it would be 64 times as much.
  CHECK(work(4096) < 20 * work(64));
}
