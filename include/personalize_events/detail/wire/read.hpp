// SPDX-License-Identifier: Apache-2.0
//
// wire::read: a shape from its JSON, by walking its description; the way back of write.hpp. The
// local endpoint reads requests with it, and tools read events in the API's own member names.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_READ_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_READ_HPP

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/path.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// Whether members that a client may leave to the library (event ids, times) may be absent.
enum class Required : std::uint8_t {
  ByModel,         ///< As the service sees it: sentAt must be there.
  UnlessFilledIn,  ///< As an application may say it.
};

/// Reads shapes by their descriptions. Unknown members are passed over, as the service does; null
/// is the same as absent.
class ShapeReader {
 public:
  explicit ShapeReader(Required required) : required_(required) {}

  template <class Shape>
  [[nodiscard]] Result<void> read(const json::Value& value, Shape& shape, const Path& path) const {
    if (!value.is(json::Value::Type::Object)) return path.refuse("expected an object");
    Result<void> result;
    model::for_each_member<Shape>([&](const auto& member) {
      result = read_member(value.find(member.wire_name), shape.*member.pointer, member.rules,
                           path.member(member.wire_name));
      return result.has_value();
    });
    return result;
  }

 private:
  template <class Type>
  [[nodiscard]] Result<void> read_member(const json::Value* value, Type& out,
                                         const model::Rules& rules, const Path& path) const {
    if (value != nullptr && !value->is(json::Value::Type::Null))
      return read_value(*value, out, path);
    const bool may_be_filled =
        required_ == Required::UnlessFilledIn && rules.fill != model::Fill::Nothing;
    if (rules.is_required && !may_be_filled) return path.refuse("missing");
    return {};
  }

  template <class Type>
  [[nodiscard]] Result<void> read_value(const json::Value& value, std::optional<Type>& out,
                                        const Path& path) const {
    return read_value(value, out.emplace(), path);
  }

  template <class Type>
  [[nodiscard]] Result<void> read_value(const json::Value& value, std::vector<Type>& out,
                                        const Path& path) const {
    if (!value.is(json::Value::Type::Array)) return path.refuse("expected an array");
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      if (auto element = read_value(value.items[i], out.emplace_back(), path.element(i)); !element)
        return element;
    }
    return {};
  }

  [[nodiscard]] Result<void> read_value(const json::Value& value, std::string& out,
                                        const Path& path) const {
    if (!value.is(json::Value::Type::String)) return path.refuse("expected a string");
    out = value.text;
    return {};
  }

  [[nodiscard]] Result<void> read_value(const json::Value& value, double& out,
                                        const Path& path) const {
    if (!value.is(json::Value::Type::Number)) return path.refuse("expected a number");
    const std::optional<double> number = detail::parse_double(value.text);
    if (!number) return path.refuse("not a finite number");
    out = *number;
    return {};
  }

  /// Epoch seconds, rounded to the millisecond that write.hpp wrote.
  [[nodiscard]] Result<void> read_value(const json::Value& value,
                                        std::chrono::system_clock::time_point& out,
                                        const Path& path) const {
    double seconds = 0;
    if (auto number = read_value(value, seconds, path); !number) return number;
    constexpr double kYear9999 = 253'402'300'799.0;
    if (std::abs(seconds) > kYear9999) return path.refuse("not a time in epoch seconds");
    using Duration = std::chrono::system_clock::duration;
    using std::chrono::milliseconds;
    const milliseconds time{std::llround(seconds * 1000)};
    if (time > std::chrono::duration_cast<milliseconds>((Duration::max)()) ||
        time < std::chrono::duration_cast<milliseconds>((Duration::min)())) {
      return path.refuse("a time that the system clock cannot hold");
    }
    out = std::chrono::system_clock::time_point{std::chrono::duration_cast<Duration>(time)};
    return {};
  }

  /// A string that holds a JSON object, as on the wire.
  [[nodiscard]] Result<void> read_value(const json::Value& value, Properties& out,
                                        const Path& path) const {
    std::string text;
    if (auto string = read_value(value, text, path); !string) return string;
    auto inner = json::parse(text);
    if (!inner) return path.refuse(std::move(inner).error().message);
    auto properties = properties_from_value(*inner, path);
    if (!properties) return std::move(properties).error();
    out = *std::move(properties);
    return {};
  }

  template <class Shape, std::enable_if_t<model::is_shape<Shape>, int> = 0>
  [[nodiscard]] Result<void> read_value(const json::Value& value, Shape& out,
                                        const Path& path) const {
    return read(value, out, path);
  }

  Required required_;
};

/// A shape from a JSON tree. Bounds are not checked here; `validate` does that.
///
/// @par Error Handling
/// InvalidArgument: `where` names the member, `message` what was expected. Neither holds content.
template <class Shape>
[[nodiscard]] Result<Shape> read(const json::Value& value, Required required = Required::ByModel) {
  Shape shape{};
  if (auto done = ShapeReader{required}.read(value, shape, Path{}); !done)
    return std::move(done).error();
  return shape;
}

/// A shape from a JSON text.
template <class Shape>
[[nodiscard]] Result<Shape> read(std::string_view text, Required required = Required::ByModel) {
  auto value = json::parse(text);
  if (!value) return std::move(value).error();
  return read<Shape>(*value, required);
}

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
