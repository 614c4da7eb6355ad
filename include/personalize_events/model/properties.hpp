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
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

namespace detail {
class CheckedJsonMaker;
}

/// A JSON text that has been checked and made compact. Only properties_from_json makes one; to
/// give JSON of your own, give it to that function.
class CheckedJson {
 public:
  /// The compact text.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  friend class detail::CheckedJsonMaker;
  explicit CheckedJson(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// The value of one property: text, a number, true or false. Numbers of any arithmetic type keep
/// their value; text is UTF-8.
class PropertyValue {
 public:
  // Implicit, so that a list of keys and values reads as one.
  // NOLINTBEGIN(google-explicit-constructor)
  /// Text, UTF-8.
  PropertyValue(std::string text) : kind_(Kind::Text), text_(std::move(text)) {}
  /// Text, UTF-8; copied.
  PropertyValue(std::string_view text) : kind_(Kind::Text), text_(text) {}
  /// Text, UTF-8; copied. Must not be null.
  PropertyValue(const char* text) : kind_(Kind::Text), text_(text) {}
  /// Any JSON, as properties_from_json makes it.
  PropertyValue(const CheckedJson& json) : kind_(Kind::Json), text_(json.text()) {}
  /// A number of any type, or a bool.
  template <class Given, std::enable_if_t<std::is_arithmetic_v<Given>, int> = 0>
  PropertyValue(Given number) : kind_(Kind::Number), number_(widen(number)) {}
  // NOLINTEND(google-explicit-constructor)

  /// Calls `visit` with the value: a bool, std::int64_t, std::uint64_t, float, double, a
  /// `const std::string&`, or a JsonText.
  template <class Visit>
  auto visit(Visit&& visit) const {
    switch (kind_) {
      case Kind::Text: return visit(text_);
      case Kind::Json: return visit(JsonText{text_});
      case Kind::Number: break;
    }
    return std::visit(visit, number_);
  }

  /// A checked JSON text, as `visit` hands it out.
  struct JsonText {
    std::string_view text;  ///< Valid during the visit.
  };

  /// A copy of the value if it is of that very type; nothing otherwise.
  template <class Type>
  [[nodiscard]] std::optional<Type> as() const {
    return visit([](const auto& held) -> std::optional<Type> {
      if constexpr (std::is_same_v<std::decay_t<decltype(held)>, Type>) {
        return held;
      } else {
        return std::nullopt;
      }
    });
  }

 private:
  // Only of trivial types: libstdc++'s variant of others is another type in C++20 than in C++17.
  using Number = std::variant<bool, std::int64_t, std::uint64_t, float, double>;
  enum class Kind : std::uint8_t { Number, Text, Json };

  template <class Given>
  static Number widen(Given number) {
    if constexpr (std::is_same_v<Given, bool> || std::is_same_v<Given, float>) {
      return number;
    } else if constexpr (std::is_floating_point_v<Given>) {
      return static_cast<double>(number);
    } else if constexpr (std::is_signed_v<Given>) {
      return static_cast<std::int64_t>(number);
    } else {
      return static_cast<std::uint64_t>(number);
    }
  }

  Kind kind_;
  Number number_{};
  std::string text_{};
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
  /// A key and its value.
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

  /// In the order in which they were given.
  [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
  /// How many there are.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  /// Whether there are none.
  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

 private:
  std::vector<Entry> entries_{};
};

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
