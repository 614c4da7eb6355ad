// SPDX-License-Identifier: Apache-2.0
//
// What the tests of tools/send share: text as the bytes of a file, that come in pieces.
#ifndef PERSONALIZE_EVENTS_TESTS_UNIT_TOOLS_BYTES_HPP
#define PERSONALIZE_EVENTS_TESTS_UNIT_TOOLS_BYTES_HPP

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include "send/lines.hpp"

namespace test {

/// Gives `text` in pieces of at most so many bytes.
inline tools::send::ReadSome bytes_of(std::string text, std::size_t most = 1U << 20U) {
  return [text = std::move(text), most, given = std::size_t{0}](
             char* out, std::size_t size) mutable -> personalize_events::Result<std::size_t> {
    const std::size_t count = std::min({size, most, text.size() - given});
    text.copy(out, count, given);
    given += count;
    return count;
  };
}

}  // namespace test

#endif
