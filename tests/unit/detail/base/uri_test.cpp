// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/uri.hpp"

#include <cstdio>
#include <string>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::normalize_path;
using pe::detail::percent_decode;
using pe::detail::percent_encode;
using pe::detail::Slash;

namespace {

const std::string kUnreserved =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

}  // namespace

TEST_CASE("every byte but the unreserved ones is percent-encoded with uppercase digits") {
  for (unsigned value = 0; value < 256; ++value) {
    const std::string byte(1, static_cast<char>(value));
    char escaped[4];
    std::snprintf(escaped, sizeof escaped, "%%%02X", value);
    const bool plain = kUnreserved.find(byte) != std::string::npos;
    CAPTURE(value);
    CHECK(pe::detail::is_unreserved(byte[0]) == plain);
    CHECK(percent_encode(byte) == (plain ? byte : escaped));
    CHECK(percent_encode(byte, Slash::Keep) == (plain || byte == "/" ? byte : escaped));
  }
}

TEST_CASE("UTF-8 is encoded byte by byte") {
  CHECK(percent_encode("\xE1\x88\xB4/a b") == "%E1%88%B4%2Fa%20b");
  CHECK(percent_encode("\xE1\x88\xB4/a b", Slash::Keep) == "%E1%88%B4/a%20b");
  CHECK(percent_encode("").empty());
  std::string query = "?token=";
  pe::detail::append_percent_encoded(query, "a=b&c");
  CHECK(query == "?token=a%3Db%26c");
}

TEST_CASE("decoding undoes encoding for every pair of bytes") {
  std::size_t wrong = 0;
  for (unsigned first = 0; first < 256; ++first) {
    for (unsigned second = 0; second < 256; ++second) {
      const std::string text{static_cast<char>(first), static_cast<char>(second)};
      wrong += percent_decode(percent_encode(text)) != text;
      wrong += percent_decode(percent_encode(text, Slash::Keep)) != text;
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("a percent sign without two hexadecimal digits stays") {
  CHECK(percent_decode("%") == "%");
  CHECK(percent_decode("%4") == "%4");
  CHECK(percent_decode("%4g") == "%4g");
  CHECK(percent_decode("%g4") == "%g4");
  CHECK(percent_decode("%%41") == "%A");
  CHECK(percent_decode("100%") == "100%");
  CHECK(percent_decode("%2541") == "%41");  // decoded once, not twice
  CHECK(percent_decode("%c3%A4+") == "\xC3\xA4+");
  CHECK(percent_decode("%00") == std::string(1, '\0'));
}

TEST_CASE("paths are normalized") {
  const std::pair<const char*, const char*> paths[] = {
      {"", "/"},
      {"/", "/"},
      {"//", "/"},
      {"/.", "/"},
      {"/./", "/"},
      {"/..", "/"},
      {"/../..", "/"},
      {"/a", "/a"},
      {"a", "/a"},
      {"/a/", "/a/"},
      {"/a//b", "/a/b"},
      {"/a/./b", "/a/b"},
      {"/a/../b", "/b"},
      {"/a/b/..", "/a/"},
      {"/a/b/../", "/a/"},
      {"/a/b/.", "/a/b/"},
      {"/a/../../b", "/b"},
      {"/a/..b", "/a/..b"},
      {"/a/...", "/a/..."},
      {"/events", "/events"},
      {"//stage//events//", "/stage/events/"},
  };
  for (const auto& [path, expected] : paths) {
    CAPTURE(path);
    CHECK(normalize_path(path) == expected);
    CHECK(normalize_path(normalize_path(path)) == expected);
  }
}
