// SPDX-License-Identifier: Apache-2.0
//
// FoldedText: a text in the one form in which two encodings of it are equal, with the way back to
// the original bytes. redact.hpp compares a service's message with the request in this form.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_FOLDED_TEXT_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_FOLDED_TEXT_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// A text without its encodings (JSON escapes, XML entities, percent-encoding, each up to four
/// layers deep), in lower case, with blanks for control characters and `+`, and with one
/// placeholder for each character outside ASCII, so that letter case there does not matter either.
/// Two texts fold to the same characters if they encode the same one. Wiped at its end.
class FoldedText {
 public:
  /// Stands for every character outside ASCII.
  static constexpr char kOutsideAscii = '\x80';

  /// The bytes of the original that a character of the folded text stands for.
  struct Range {
    std::uint32_t begin;
    std::uint32_t end;
  };

  /// Whether the ranges are wanted; only for a text of less than 4 GiB.
  enum class Ranges : bool { Dropped, Kept };

  explicit FoldedText(std::string_view text, Ranges ranges = Ranges::Dropped) : values_(text) {
    if (ranges == Ranges::Kept) {
      ranges_.reserve(text.size());
      for (std::uint32_t at = 0; at < text.size(); ++at) ranges_.push_back({at, at + 1});
    }
    constexpr int layers = 4;
    for (int layer = 0; layer < layers && decode(); ++layer) {
    }
    fold();
  }
  FoldedText(const FoldedText&) = delete;
  FoldedText& operator=(const FoldedText&) = delete;
  ~FoldedText() { detail::wipe(values_); }

  [[nodiscard]] std::string_view values() const { return values_; }
  /// One for each character if they are kept.
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }

 private:
  [[nodiscard]] char at(std::size_t place) const {
    return place < values_.size() ? values_[place] : '\0';
  }

  /// Puts a character that stands for `count` characters from `read` on at `written`.
  void put(std::size_t written, char value, std::size_t read, std::size_t count) {
    values_[written] = value;
    if (!ranges_.empty()) ranges_[written] = {ranges_[read].begin, ranges_[read + count - 1].end};
  }

  /// What is encoded at a place. Every encoding gives one byte; `length` is 0 if there is none.
  struct Decoded {
    std::size_t length{0};
    char byte{};
  };

  /// Undoes one layer of every encoding, in place. Returns whether there was one.
  bool decode() {
    std::size_t read = values_.find_first_of("\\%&");
    if (read == std::string::npos) return false;
    bool found = false;
    std::size_t written = read;
    while (read < values_.size()) {
      const Decoded decoded = decode_at(read);
      const bool is_encoded = decoded.length > 0;
      const std::size_t count = is_encoded ? decoded.length : 1;
      put(written++, is_encoded ? decoded.byte : values_[read], read, count);
      read += count;
      found = found || is_encoded;
    }
    shrink(written);
    return found;
  }

  [[nodiscard]] Decoded decode_at(std::size_t place) const {
    switch (at(place)) {
      case '\\': return decode_escape(place);
      case '&': return decode_entity(place);
      case '%': {
        std::uint32_t byte = 0;
        if (!hex_number(place + 1, 2, byte)) return {};
        return {3, static_cast<char>(byte)};
      }
      default: return {};
    }
  }

  /// A JSON escape (RFC 8259, section 7), or an escaped apostrophe.
  [[nodiscard]] Decoded decode_escape(std::size_t place) const {
    const char next = detail::to_lower(at(place + 1));
    std::uint32_t unit = 0;
    if (next == 'u' && hex_number(place + 2, 4, unit)) {
      std::uint32_t low = 0;
      const bool is_pair = unit >= 0xD800 && unit < 0xDC00 && at(place + 6) == '\\' &&
                           detail::to_lower(at(place + 7)) == 'u' &&
                           hex_number(place + 8, 4, low) && low >= 0xDC00 && low < 0xE000;
      return {is_pair ? 12U : 6U, encoded(unit)};
    }
    if (next == 'n' || next == 'r' || next == 't' || next == 'b' || next == 'f') return {2, ' '};
    if (next == '"' || next == '\\' || next == '/' || next == '\'') return {2, next};
    return {};
  }

  /// An entity of XML (XML 1.0, section 4.6) or a character reference.
  [[nodiscard]] Decoded decode_entity(std::size_t place) const {
    constexpr std::size_t longest = 10;
    char name[longest]{};
    std::size_t size = 0;
    while (size < longest && at(place + 1 + size) != ';') {
      name[size] = detail::to_lower(at(place + 1 + size));
      ++size;
    }
    if (at(place + 1 + size) != ';') return {};
    const std::string_view text{name, size};
    struct Entity {
      std::string_view name;
      char character;
    };
    constexpr Entity entities[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (const Entity& entity : entities) {
      if (text == entity.name) return {size + 2, entity.character};
    }
    if (size < 2 || text[0] != '#') return {};
    const bool is_hex = text[1] == 'x';
    if (is_hex && size == 2) return {};
    std::uint32_t code = 0;
    for (const char digit : text.substr(is_hex ? 2 : 1)) {
      if (is_hex ? !detail::is_hex_digit(digit) : !detail::is_digit(digit)) return {};
      code = code * (is_hex ? 16 : 10) + digit_value(digit);
      if (code > 0x10FFFF) return {};
    }
    return {size + 2, encoded(code)};
  }

  [[nodiscard]] static std::uint32_t digit_value(char digit) {
    return static_cast<std::uint32_t>(detail::is_digit(digit) ? digit - '0'
                                                              : detail::to_lower(digit) - 'a' + 10);
  }

  [[nodiscard]] bool hex_number(std::size_t place, std::size_t digits,
                                std::uint32_t& number) const {
    number = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (!detail::is_hex_digit(at(place + i))) return false;
      number = number * 16 + digit_value(at(place + i));
    }
    return true;
  }

  /// A character of ASCII, or a lead byte, which `fold` replaces by the placeholder.
  [[nodiscard]] static char encoded(std::uint32_t code) {
    return code < 0x80 ? static_cast<char>(code) : '\xC2';
  }

  void fold() {
    std::size_t written = 0;
    for (std::size_t read = 0; read < values_.size(); ++read) {
      const auto byte = static_cast<unsigned char>(values_[read]);
      if (byte >= 0x80 && byte < 0xC0) {  // a continuation byte belongs to the character before
        if (written > 0 && !ranges_.empty()) ranges_[written - 1].end = ranges_[read].end;
        continue;
      }
      const bool is_blank = byte <= ' ' || byte == 0x7F || byte == '+';
      const char value = byte >= 0xC0 ? kOutsideAscii : detail::to_lower(values_[read]);
      put(written++, is_blank ? ' ' : value, read, 1);
    }
    shrink(written);
  }

  void shrink(std::size_t size) {
    values_.resize(size);
    if (!ranges_.empty()) ranges_.resize(size, Range{});
  }

  std::string values_;
  std::vector<Range> ranges_{};
};

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
