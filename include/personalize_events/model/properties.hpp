// SPDX-License-Identifier: Apache-2.0
//
// Properties: the free part of an event, user, item or action, which the service takes as a JSON
// object in a string. Applications build it from keys and values here, or from JSON text with
// properties_from_json (wire/properties.hpp); wire/ checks and writes it.
#ifndef PERSONALIZE_EVENTS_MODEL_PROPERTIES_HPP
#define PERSONALIZE_EVENTS_MODEL_PROPERTIES_HPP

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// A JSON text that has been checked and made compact. Only properties_from_json makes one; to
/// give JSON of your own, give it to that function.
class CheckedJson {
 public:
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  friend class CheckedJsonMaker;
  explicit CheckedJson(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// The value of one property: text, a number, true or false. Numbers of any arithmetic type keep
/// their value; text is UTF-8.
class PropertyValue {
 public:
  using Held =
      std::variant<bool, std::int64_t, std::uint64_t, float, double, std::string, CheckedJson>;

  // Implicit, so that a list of keys and values reads as one.
  // NOLINTBEGIN(google-explicit-constructor)
  PropertyValue(std::string text) : held_(std::move(text)) {}
  PropertyValue(std::string_view text) : held_(std::string(text)) {}
  PropertyValue(const char* text) : held_(std::string(text)) {}
  PropertyValue(CheckedJson json) : held_(std::move(json)) {}
  template <class Number, std::enable_if_t<std::is_arithmetic_v<Number>, int> = 0>
  PropertyValue(Number number) : held_(widen(number)) {}
  // NOLINTEND(google-explicit-constructor)

  [[nodiscard]] const Held& held() const noexcept { return held_; }

 private:
  template <class Number>
  static Held widen(Number number) {
    if constexpr (std::is_same_v<Number, bool> || std::is_same_v<Number, float>) {
      return number;
    } else if constexpr (std::is_floating_point_v<Number>) {
      return static_cast<double>(number);
    } else if constexpr (std::is_signed_v<Number>) {
      return static_cast<std::int64_t>(number);
    } else {
      return static_cast<std::uint64_t>(number);
    }
  }

  Held held_;
};

/// A JSON object as keys and values, in the order in which they were given. Keys are the schema's
/// field names in camelCase: NUM_RATINGS is "numRatings". Several categories are one text with
/// bars: "Horror|Action".
///
/// @par Error Handling
/// Building never fails. The call that uses it answers InvalidArgument for a reserved key (userId,
/// sessionId, eventType, timestamp, recommendationId, impression, in any letter case), a repeated
/// key, a number that is not finite, text that is not UTF-8, and a JSON text longer than the shape
/// takes: 1 024 characters in an event or action interaction, 24 000 in a user, 32 000 in an item
/// or action. Source: API reference, Event.properties; Developer Guide, "Recording item interaction
/// events".
class Properties {
 public:
  using Entry = std::pair<std::string, PropertyValue>;

  Properties() = default;
  /// `Properties{{"device", "tv"}, {"rating", 4.5}, {"free", true}}`
  Properties(std::initializer_list<std::pair<std::string_view, PropertyValue>> entries) {
    entries_.reserve(entries.size());
    for (const auto& [key, value] : entries) entries_.emplace_back(std::string(key), value);
  }

  /// Adds one property. A key that is there already is reported by the call that uses it.
  Properties& set(std::string_view key, PropertyValue value) {
    entries_.emplace_back(std::string(key), std::move(value));
    return *this;
  }

  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  std::vector<Entry> entries_{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
