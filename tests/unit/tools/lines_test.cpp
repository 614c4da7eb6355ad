// SPDX-License-Identifier: Apache-2.0

#include "send/lines.hpp"

#include <cstddef>
#include <string>
#include <vector>

#include "catch.hpp"
#include "unit/tools/bytes.hpp"

namespace pe = personalize_events;
using tools::send::Line;
using tools::send::LineReader;

using Texts = std::vector<std::string>;

namespace {

struct Lines {
  Texts texts{};
  std::size_t bytes{0};
  std::size_t cut{0};
};

Lines lines_of(const std::string& text, std::size_t most = 1U << 20U) {
  LineReader reader(test::bytes_of(text, most));
  Lines lines;
  Line line;
  while (reader.next(line)) {
    lines.texts.emplace_back(line.text);
    lines.bytes += line.bytes;
    lines.cut += line.is_cut ? 1 : 0;
  }
  CHECK_FALSE(reader.failure().has_value());
  return lines;
}

}  // namespace

TEST_CASE("lines end in a line feed, or at the end") {
  CHECK(lines_of("").texts.empty());
  CHECK(lines_of("a").texts == Texts{"a"});
  CHECK(lines_of("a\n").texts == Texts{"a"});
  CHECK(lines_of("a\r\n\nb").texts == Texts{"a\r", "", "b"});
}

TEST_CASE("lines are the same however their bytes come") {
  const std::size_t most = GENERATE(std::size_t{1}, 2U, 3U, 1000U);
  const std::string text =
      "\xEF\xBB\xBF"
      "one\n\ntwo three\nfour";
  const Lines lines = lines_of(text, most);
  CHECK(lines.texts == Texts{"one", "", "two three", "four"});
  CHECK(lines.bytes == text.size());
}

TEST_CASE("of a line that is too long only the beginning is kept") {
  const std::string text =
      std::string(3 * LineReader::kLongestLine, 'x') + "\nshort\n" + std::string(1U << 21U, 'y');
  const Lines lines = lines_of(text, 100'000);
  REQUIRE(lines.texts.size() == 3);
  CHECK(lines.texts[0] == std::string(LineReader::kLongestLine, 'x'));
  CHECK(lines.texts[1] == "short");
  CHECK(lines.texts[2] == std::string(LineReader::kLongestLine, 'y'));
  CHECK(lines.cut == 2);
  CHECK(lines.bytes == text.size());
}

TEST_CASE("a failure ends the lines") {
  int reads = 0;
  LineReader reader([&reads](char* out, std::size_t) -> pe::Result<std::size_t> {
    if (++reads > 1) return pe::detail::make_error(pe::ErrorKind::Configuration, "file", "gone");
    *out = 'a';
    return std::size_t{1};
  });
  Line line;
  CHECK_FALSE(reader.next(line));
  REQUIRE(reader.failure().has_value());
  CHECK(reader.failure()->message == "gone");
}
