// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/base/wipe.hpp"

#include <cstddef>
#include <string>

#include "catch.hpp"

namespace pe = personalize_events;

TEST_CASE("Memory is overwritten, and not a byte beyond it") {
  char memory[] = "-secret-";
  pe::detail::wipe(memory + 1, 6);
  CHECK(std::string(memory, sizeof memory) == std::string("-\0\0\0\0\0\0-\0", 9));
  pe::detail::wipe(memory, 0);
  pe::detail::wipe(nullptr, 0);
  CHECK(memory[0] == '-');
}

TEST_CASE("A string is emptied, and what it held before in its capacity is overwritten") {
  std::string text(100, 'x');
  text.resize(10);
  const char* bytes = text.data();
  const std::size_t capacity = text.capacity();
  pe::detail::wipe(text);
  CHECK(text.empty());
  REQUIRE(text.capacity() == capacity);
  text.resize(capacity, '\0');  // so that all of it may be looked at
  CHECK(text.data() == bytes);
  CHECK(text == std::string(capacity, '\0'));
}

TEST_CASE("What is appended to a secret arrives, grown or not") {
  std::string text;
  std::string expected;
  for (int line = 0; line < 200; ++line) {
    const std::string more(static_cast<std::size_t>(line % 7), static_cast<char>('a' + line % 26));
    pe::detail::append_wiping(text, more);
    expected.append(more);
  }
  CHECK(text == expected);
}
