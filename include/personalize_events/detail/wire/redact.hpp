// SPDX-License-Identifier: Apache-2.0
//
// redact: a service's message without what it repeats of the request. Services quote the canonical
// request, ids and whole bodies in their errors; none of that may reach a log. response.hpp calls
// it on the error path only.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_REDACT_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_REDACT_HPP

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/base64.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/folded_text.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// The parts of a request that no message may repeat.
struct SentText {
  std::string_view body{};
  /// Access key ID, secret access key, session token.
  std::array<std::string_view, 3> secrets{};
};

/// What stands in a message in place of what was removed.
inline constexpr std::string_view kRemoved = "[removed]";

template <class Shape>
[[nodiscard]] constexpr bool has_member(std::string_view name) {
  return !model::for_each_member<Shape>(
      [name](const auto& member) { return !detail::equal_ignoring_case(member.wire_name, name); });
}

/// Whether a word names a member of the service's model, or the service. Such words stay.
[[nodiscard]] constexpr bool is_model_word(std::string_view word) {
  return word == "personalize" || has_member<PutEventsRequest>(word) || has_member<Event>(word) ||
         has_member<MetricAttribution>(word) || has_member<PutActionInteractionsRequest>(word) ||
         has_member<ActionInteraction>(word) || has_member<PutUsersRequest>(word) ||
         has_member<User>(word) || has_member<PutItemsRequest>(word) || has_member<Item>(word) ||
         has_member<PutActionsRequest>(word) || has_member<Action>(word);
}

/// The characters of a text's base64 (RFC 4648, section 5) that depend on nothing else, if `before`
/// bytes, 0 to 2, precede it. The caller wipes them.
[[nodiscard]] inline std::string base64_of_part(std::string_view text, std::size_t before) {
  std::string bytes;
  bytes.reserve(before + text.size());
  bytes.append(before, '\0').append(text);
  std::string coded = detail::to_base64url(bytes);
  detail::wipe(bytes);
  coded.resize((before + text.size()) * 8 / 6);
  for (std::size_t i = 0; i < before + 1 && before > 0 && i < coded.size(); ++i) coded[i] = '.';
  return coded;
}

/// Finds what a message has in common with a request. Time and memory are linear in the sizes of
/// both: the pieces of 4 to 8 characters of the message are sorted once, and the request passes by.
///
/// @par Thread Safety
/// None: one thread at a time.
class Redactor {
 public:
  /// `message` must outlive it.
  explicit Redactor(std::string_view message)
      : message_(message), folded_(message, FoldedText::Ranges::Kept) {
    const std::string_view text = folded_.values();
    for (const std::string_view phrase : {"the canonical string", "the string-to-sign"}) {
      end_ = (std::min)(end_, text.find(phrase));
    }
    end_ = (std::min)(end_, text.size());
    for (std::size_t size = kShortest; size <= kPiece; ++size) {
      for (std::size_t at = 0; at + size <= end_; ++at)
        pieces_.push_back({packed(text, at, size), size});
    }
    std::sort(pieces_.begin(), pieces_.end());
    pieces_.erase(std::unique(pieces_.begin(), pieces_.end()), pieces_.end());
    for (std::size_t at = 0; at + kShortest <= end_; ++at) may_match_.set(slot(text, at));
    std::size_t run = 0;
    for (std::size_t at = 0; at < end_; ++at) {
      run = detail::is_letter(text[at]) || detail::is_digit(text[at]) ? run + 1 : 0;
      may_have_base64_ = may_have_base64_ || run == kCoded;
    }
  }

  /// Takes a value of the request in each encoding; of base64 only the longer pieces count. See
  /// `take` for `is_prose`.
  void take_encoded(std::string_view value, bool is_prose) {
    take(FoldedText{value}, is_prose);
    for (std::size_t before = 0; before < 3 && may_have_base64_; ++before) {
      std::string coded = base64_of_part(value, before);
      if (coded.size() >= kPiece) take(FoldedText{coded}, true);
      const bool has_other_alphabet = coded.find_first_of("-_") != std::string::npos;
      for (char& c : coded) c = c == '-' ? '+' : c == '_' ? '/' : c;
      if (has_other_alphabet && coded.size() >= kPiece) take(FoldedText{coded}, true);
      detail::wipe(coded);
    }
  }

  /// Takes a value of the request. `is_prose`: only longer pieces of it count, because it has words
  /// that any message has.
  void take(const FoldedText& value, bool is_prose) {
    const std::string_view text = value.values();
    if (text.size() >= kShortest && text.size() < kPiece) mark(text, 0, text.size(), true);
    for (std::size_t at = 0; at + kShortest <= text.size(); ++at) {
      if (!may_match_.test(slot(text, at))) continue;
      if (at + kPiece <= text.size()) mark(text, at, kPiece, true);
      for (std::size_t size = kShortest; !is_prose && size < kPiece; ++size) {
        if (at + size > text.size() || !mark(text, at, size, false)) break;
      }
    }
  }

  /// The message without what it has in common with the values that were taken.
  [[nodiscard]] std::string result() const {
    const std::vector<bool> is_removed = removed();
    std::string text;
    std::size_t copied = 0;
    bool was_removed = false;
    for (std::size_t at = 0; at < end_; ++at) {
      const FoldedText::Range& range = folded_.ranges()[at];
      if (is_removed[at]) {
        if (!was_removed) text.append(kRemoved);
      } else if (range.end > copied) {
        const std::size_t from = std::max<std::size_t>(copied, range.begin);
        text.append(message_.substr(from, range.end - from));
      }
      copied = std::max<std::size_t>(copied, range.end);
      was_removed = is_removed[at];
    }
    return text;
  }

 private:
  /// Values of at least so many characters are removed.
  static constexpr std::size_t kShortest = 4;
  /// Pieces of values of so many characters are removed wherever they stand.
  static constexpr std::size_t kPiece = 8;
  /// A message without so many letters and digits in a row has no base64.
  static constexpr std::size_t kCoded = 12;
  /// A run of so many hexadecimal digits, not of letters alone, is a hash or a signature.
  static constexpr std::size_t kHash = 32;

  struct Piece {
    std::uint64_t bytes{0};
    std::size_t size{0};
    bool is_whole{false};  // of a value of this size, or of kPiece
    bool is_part{false};   // of a value
    friend bool operator<(const Piece& left, const Piece& right) {
      return left.size != right.size ? left.size < right.size : left.bytes < right.bytes;
    }
    friend bool operator==(const Piece& left, const Piece& right) {
      return left.size == right.size && left.bytes == right.bytes;
    }
  };

  [[nodiscard]] static std::uint64_t packed(std::string_view text, std::size_t at,
                                            std::size_t size) {
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < size; ++i) {
      bytes = bytes << 8U | static_cast<unsigned char>(text[at + i]);
    }
    return bytes;
  }

  static constexpr std::size_t kSlots = 65'536;
  [[nodiscard]] static std::size_t slot(std::string_view text, std::size_t at) {
    const auto four = static_cast<std::uint32_t>(packed(text, at, kShortest));
    return static_cast<std::uint32_t>(four * 2'654'435'761U) >> 16U;
  }

  /// The place of a piece of the message; pieces_.size() if the message does not have it.
  [[nodiscard]] std::size_t find(std::uint64_t bytes, std::size_t size) const {
    const Piece wanted{bytes, size};
    const auto found = std::lower_bound(pieces_.begin(), pieces_.end(), wanted);
    const bool is_there = found != pieces_.end() && *found == wanted;
    return is_there ? static_cast<std::size_t>(found - pieces_.begin()) : pieces_.size();
  }

  /// Notes that a value has a piece. Returns whether the message has it too.
  bool mark(std::string_view text, std::size_t at, std::size_t size, bool is_whole) {
    const std::size_t found = find(packed(text, at, size), size);
    if (found == pieces_.size()) return false;
    (is_whole ? pieces_[found].is_whole : pieces_[found].is_part) = true;
    return true;
  }

  [[nodiscard]] static bool is_word_character(char c) {
    return detail::is_letter(c) || detail::is_digit(c) || c == FoldedText::kOutsideAscii;
  }

  /// Whether a part of the message is neither cut out of a word nor more than one.
  [[nodiscard]] bool stands_alone(std::size_t at, std::size_t size) const {
    const std::string_view text = folded_.values().substr(0, end_);
    if (!is_word_character(text[at]) || !is_word_character(text[at + size - 1])) return false;
    if (at > 0 && is_word_character(text[at - 1])) return false;
    if (at + size < text.size() && is_word_character(text[at + size])) return false;
    return text.substr(at, size).find(' ') == std::string_view::npos;
  }

  [[nodiscard]] std::vector<bool> removed() const {
    const std::string_view text = folded_.values();
    std::vector<bool> is_removed(end_, false);
    std::size_t covered = 0;
    for (std::size_t at = 0; at < end_; ++at) {
      for (std::size_t size = kShortest; size <= kPiece && at + size <= end_; ++size) {
        const Piece& piece = pieces_[find(packed(text, at, size), size)];
        const bool is_quoted = piece.is_whole || (piece.is_part && stands_alone(at, size));
        if (is_quoted) covered = (std::max)(covered, at + size);
      }
      if (at < covered) is_removed[at] = true;
    }
    remove_hashes(is_removed);
    keep_model_words(is_removed);
    join(is_removed);
    return is_removed;
  }

  void remove_hashes(std::vector<bool>& is_removed) const {
    const std::string_view text = folded_.values();
    std::size_t begin = 0;
    for (std::size_t at = 0; at <= end_; ++at) {
      if (at < end_ && detail::is_hex_digit(text[at])) continue;
      if (at - begin >= kHash &&
          !detail::all_of(text.substr(begin, at - begin), detail::is_letter)) {
        for (std::size_t i = begin; i < at; ++i) is_removed[i] = true;
      }
      begin = at + 1;
    }
  }

  void keep_model_words(std::vector<bool>& is_removed) const {
    const std::string_view text = folded_.values();
    for (std::size_t begin = 0; begin < end_;) {
      std::size_t end = begin;
      while (end < end_ && detail::is_letter(text[end])) ++end;
      if (end > begin && is_model_word(text.substr(begin, end - begin))) {
        for (std::size_t i = begin; i < end; ++i) is_removed[i] = false;
      }
      begin = (std::max)(end, begin + 1);
    }
  }

  /// Removes what is too short between two removed parts to be of use.
  void join(std::vector<bool>& is_removed) const {
    std::size_t end_of_last = std::string_view::npos;
    for (std::size_t at = 0; at < end_; ++at) {
      if (!is_removed[at]) continue;
      if (end_of_last != std::string_view::npos && at - end_of_last < kShortest) {
        for (std::size_t i = end_of_last; i < at; ++i) is_removed[i] = true;
      }
      end_of_last = at + 1;
    }
  }

  std::string_view message_;
  FoldedText folded_;
  std::size_t end_{std::string_view::npos};
  std::vector<Piece> pieces_{};
  std::bitset<kSlots> may_match_{};
  bool may_have_base64_{false};
};

/// Gives a redactor the values of a request's body: its strings and numbers, and those inside of
/// strings that hold JSON objects, as `properties` do. Names of members are no values.
inline void take_values(Redactor& redactor, const json::Value& value, bool is_inner = false) {
  constexpr std::size_t longest_id = 256;
  using Type = json::Value::Type;
  if (value.is(Type::String) && !is_inner && value.text.substr(0, 1) == "{") {
    if (const auto inner = json::parse(value.text)) return take_values(redactor, *inner, true);
  }
  if (value.is(Type::String) || value.is(Type::Number)) {
    redactor.take_encoded(value.text, value.text.size() > longest_id);
  }
  for (const json::Value& item : value.items) take_values(redactor, item, is_inner);
  for (const auto& [name, member] : value.members) take_values(redactor, member, is_inner);
}

/// A service's message without what it repeats of a request, and without what follows "The
/// Canonical String". Removed are, in any letter case and with JSON, XML or percent-encoding: each
/// string and number of the body from 4 characters on, each 8 characters in a row of one, also of
/// its base64, shorter pieces of at least 4 characters that stand alone in the message (except
/// those of values of more than 256 characters), the same of the credentials, and hashes of 32
/// hexadecimal digits or more. Names of members stay. A message counts up to its first 4 KiB.
[[nodiscard]] inline std::string redact(std::string_view message, const SentText& sent) {
  constexpr std::size_t longest = 4096;
  if (message.empty()) return {};
  if (message.size() > longest) {
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(message[end]) & 0xC0U) == 0x80U) --end;
    message = message.substr(0, end);
  }
  Redactor redactor{message};
  for (const std::string_view secret : sent.secrets) redactor.take_encoded(secret, false);
  if (const auto body = json::parse(sent.body)) {
    take_values(redactor, *body);
  } else if (!sent.body.empty()) {
    redactor.take_encoded(sent.body, true);
  }
  return redactor.result();
}

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
