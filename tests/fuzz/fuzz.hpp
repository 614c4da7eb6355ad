// SPDX-License-Identifier: Apache-2.0
//
// Shared by the fuzz targets: an input that AddressSanitizer guards to the byte, a check that ends
// the program, and correct checksums.
#ifndef PERSONALIZE_EVENTS_TESTS_FUZZ_FUZZ_HPP
#define PERSONALIZE_EVENTS_TESTS_FUZZ_FUZZ_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "personalize_events/detail/base/crc32c.hpp"
#include "personalize_events/detail/base/little_endian.hpp"

namespace fuzz {

/// Ends the program if it does not hold. The fuzzer reports the input.
inline void expect(bool holds) {
  if (!holds) std::abort();
}

/// A copy of some bytes in memory that is not one byte longer, unlike a string's.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : bytes_(std::make_unique<char[]>(size)), size_(size) {
    std::copy_n(data, size, bytes_.get());
  }
  explicit Input(std::string_view bytes)
      : bytes_(std::make_unique<char[]>(bytes.size())), size_(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  [[nodiscard]] std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::unique_ptr<char[]> bytes_;
  std::size_t size_;
};

template <class Number>
void put_little_endian(std::string& bytes, std::size_t at, Number number) {
  std::string written;
  personalize_events::detail::append_little_endian(written, number);
  bytes.replace(at, written.size(), written);
}

/// Writes at `at` the checksum of the bytes from `first` to there, begun with `salt`.
inline void put_crc(std::string& bytes, std::size_t at, std::size_t first = 0,
                    std::uint32_t salt = 0) {
  const std::string_view summed = std::string_view{bytes}.substr(first, at - first);
  put_little_endian(bytes, at, personalize_events::detail::crc32c(summed, salt));
}

/// The salt of the frames in inputs.
inline constexpr std::uint32_t kSalt = 0x5a17'0001U;

/// Numbers out of the fuzzer's bytes; zeros when they are used up.
class Script {
 public:
  explicit Script(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool is_over() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }
  std::string_view bytes(std::size_t count) {
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view rest_;
};

}  // namespace fuzz

#endif
