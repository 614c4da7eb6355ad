// SPDX-License-Identifier: Apache-2.0
//
// json::Value: a small tree for foreign JSON whose shape is not ours to say: service errors,
// properties given as text, credential caches, and requests seen by the local endpoint. Numbers
// stay the text that they came as. reader.hpp builds it.
#ifndef PERSONALIZE_EVENTS_DETAIL_JSON_VALUE_HPP
#define PERSONALIZE_EVENTS_DETAIL_JSON_VALUE_HPP

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::json {

/// One JSON value. Members keep their order, and a repeated key is kept as often as it came.
struct Value {
  enum class Type : std::uint8_t { Null, Boolean, Number, String, Array, Object };

  Type type{Type::Null};
  bool boolean{false};         ///< of a Bool
  std::string text{};          ///< of a String, decoded; of a Number, its literal
  std::vector<Value> items{};  ///< of an Array
  std::vector<std::pair<std::string, Value>> members{};  ///< of an Object

  [[nodiscard]] bool is(Type other) const noexcept { return type == other; }

  /// The first member with this key; null when there is none, or when this is no object.
  [[nodiscard]] const Value* find(std::string_view key) const noexcept {
    for (const auto& [name, value] : members) {
      if (name == key) return &value;
    }
    return nullptr;
  }

  /// The text of the first member with this key that is a string; null otherwise.
  [[nodiscard]] const std::string* find_string(std::string_view key) const noexcept {
    const Value* member = find(key);
    return member != nullptr && member->is(Type::String) ? &member->text : nullptr;
  }
};

}  // namespace detail::json

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
