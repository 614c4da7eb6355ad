// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/base64.hpp"

#include <string>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("base64url gives RFC 4648's test vectors, without their padding") {
  const std::pair<std::string, std::string> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},         {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) CHECK(pe::detail::to_base64url(bytes) == text);
}

TEST_CASE("base64url has its own two last digits and takes every byte") {
  CHECK(pe::detail::to_base64url("\xfb\xff\xfe") == "-__-");
  CHECK(pe::detail::to_base64url(std::string(3, '\0')) == "AAAA");
  CHECK(pe::detail::to_base64url("\xff") == "_w");
}

TEST_CASE("base64url text is appended to what is there") {
  std::string text = "a.";
  const unsigned char bytes[] = {0x01, 0x02, 0x03, 0x04};
  pe::detail::append_base64url(text, bytes, sizeof bytes);
  CHECK(text == "a.AQIDBA");
}
