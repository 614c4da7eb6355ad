// SPDX-License-Identifier: Apache-2.0
//
// Properties on the wire: from JSON text, to JSON text, and their rules. Applications call
// properties_from_json; validate.hpp and write.hpp call the rest.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_PROPERTIES_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_PROPERTIES_HPP

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/json/shortest.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/wire/path.hpp"
#include "personalize_events/model/properties.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// The one place that may call a JSON text checked.
class CheckedJsonMaker {
 public:
  /// Trusts that `text` was checked.
  [[nodiscard]] static CheckedJson make(std::string text) { return CheckedJson(std::move(text)); }
};

}  // namespace detail

namespace detail::wire {

/// Writes any JSON tree compactly; numbers keep the digits that they came with.
inline void write_json(json::Writer& writer, const json::Value& value) {
  switch (value.type) {
    case json::Value::Type::Null: return writer.null();
    case json::Value::Type::Boolean: return writer.boolean(value.boolean);
    case json::Value::Type::Number: return writer.raw(value.text);
    case json::Value::Type::String: return writer.string(value.text);
    case json::Value::Type::Array:
      writer.begin_array();
      for (const json::Value& item : value.items) write_json(writer, item);
      return writer.end_array();
    case json::Value::Type::Object:
      writer.begin_object();
      for (const auto& [key, member] : value.members) {
        writer.key(key);
        write_json(writer, member);
      }
      return writer.end_object();
  }
}

/// Writes properties as a JSON object.
inline void write_properties(json::Writer& writer, const Properties& properties) {
  writer.begin_object();
  for (const auto& [key, value] : properties.entries()) {
    writer.key(key);
    value.visit([&writer](const auto& held) {
      using Held = std::decay_t<decltype(held)>;
      if constexpr (std::is_same_v<Held, bool>) {
        writer.boolean(held);
      } else if constexpr (std::is_same_v<Held, std::string>) {
        writer.string(held);
      } else if constexpr (std::is_same_v<Held, PropertyValue::JsonText>) {
        writer.raw(held.text);
      } else {
        writer.number(held);
      }
    });
  }
  writer.end_object();
}

/// The Unicode scalar values that a JSON string takes with its quotes and escapes. The text is
/// well-formed UTF-8, so each byte that continues no sequence begins a scalar value.
[[nodiscard]] inline std::size_t json_string_length(std::string_view text) noexcept {
  std::size_t length = 2;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\' || byte == '\b' || byte == '\f' || byte == '\n' ||
        byte == '\r' || byte == '\t') {
      length += 2;
    } else if (byte < 0x20) {
      length += 6;
    } else if ((byte & 0xC0U) != 0x80U) {
      length += 1;
    }
  }
  return length;
}

/// The Unicode scalar values of what write_properties writes, without writing it.
[[nodiscard]] inline std::size_t json_length(const Properties& properties) {
  std::size_t length = 2 + (properties.empty() ? 0 : properties.size() - 1);
  for (const auto& [key, value] : properties.entries()) {
    length += json_string_length(key) + 1;
    length += value.visit([](const auto& held) -> std::size_t {
      using Held = std::decay_t<decltype(held)>;
      if constexpr (std::is_same_v<Held, bool>) {
        return held ? 4 : 5;
      } else if constexpr (std::is_same_v<Held, std::string>) {
        return json_string_length(held);
      } else if constexpr (std::is_same_v<Held, PropertyValue::JsonText>) {
        return detail::count_utf8(held.text).value_or(0);
      } else {
        return json::shortest(held).size();
      }
    });
  }
  return length;
}

/// The reserved name that a key is, in any letter case; empty when it is none. The service answers
/// 400 to properties with one. Source: API reference, Event.properties.
[[nodiscard]] constexpr std::string_view reserved_name(std::string_view key) noexcept {
  constexpr std::string_view names[] = {"userId",    "sessionId",        "eventType",
                                        "timestamp", "recommendationId", "impression"};
  for (const std::string_view name : names) {
    if (detail::equal_ignoring_case(name, key)) return name;
  }
  return {};
}

/// The index of an entry whose key stands twice; the size when there is none.
[[nodiscard]] inline std::size_t find_repeated_key(const Properties& properties) {
  const auto& entries = properties.entries();
  constexpr std::size_t kFew = 16;  // up to here comparing all pairs is cheaper than to allocate
  if (entries.size() <= kFew) {
    for (std::size_t i = 1; i < entries.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (entries[i].first == entries[j].first) return i;
      }
    }
    return entries.size();
  }
  std::vector<std::pair<std::string_view, std::size_t>> keys;
  keys.reserve(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) keys.emplace_back(entries[i].first, i);
  std::sort(keys.begin(), keys.end());
  const auto repeated = std::adjacent_find(
      keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first == b.first; });
  return repeated == keys.end() ? entries.size() : std::next(repeated)->second;
}

/// The first rule that properties break, but for their length. Entries are named by index, because
/// keys and values are content.
[[nodiscard]] inline Result<void> validate_properties(const Properties& properties,
                                                      const Path& path) {
  const auto& entries = properties.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto& [key, value] = entries[i];
    if (!detail::is_utf8(key)) return path.element(i).refuse("the key is not well-formed UTF-8");
    if (const std::string_view name = reserved_name(key); !name.empty()) {
      return path.element(i).refuse(
          "the key " + std::string(name) +
          " is reserved by the service; use the member of that name, or another key");
    }
    const char* fault = value.visit([](const auto& held) -> const char* {
      using Held = std::decay_t<decltype(held)>;
      if constexpr (std::is_floating_point_v<Held>) {
        return detail::is_finite(held) ? nullptr : "not a finite number";
      } else if constexpr (std::is_same_v<Held, std::string>) {
        return detail::is_utf8(held) ? nullptr : "not well-formed UTF-8";
      } else {
        return nullptr;
      }
    });
    if (fault != nullptr) return path.element(i).refuse(fault);
  }
  if (const std::size_t repeated = find_repeated_key(properties); repeated != entries.size()) {
    return path.element(repeated).refuse("the key is there already; give each key once");
  }
  return {};
}

/// Properties from a JSON tree that is an object.
[[nodiscard]] inline Result<Properties> properties_from_value(const json::Value& value,
                                                              const Path& path) {
  if (!value.is(json::Value::Type::Object)) return path.refuse("not a JSON object");
  Properties properties;
  for (const auto& [key, member] : value.members) {
    std::string text;
    json::Writer writer(text);
    write_json(writer, member);
    if (!writer.good()) return path.refuse("cannot be written as JSON");
    properties.set(key, CheckedJsonMaker::make(std::move(text)));
  }
  if (auto valid = validate_properties(properties, path); !valid) return std::move(valid).error();
  return properties;
}

}  // namespace detail::wire

/// Properties from the text of a JSON object. Values may be of any JSON type and keep their digits;
/// the text is checked here once and never again.
///
/// @par Error Handling
/// InvalidArgument, with `where` "properties": no JSON (the byte is named), no object, nested
/// deeper than 32 levels, a reserved or repeated key. The length limit belongs to the shape and is
/// checked by the call that uses it.
[[nodiscard]] inline Result<Properties> properties_from_json(std::string_view text) {
  const detail::wire::Path root;
  const detail::wire::Path path = root.member("properties");
  auto value = detail::json::parse(text);
  if (!value) return path.refuse(std::move(value).error().message);
  return detail::wire::properties_from_value(*value, path);
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
