// SPDX-License-Identifier: Apache-2.0
//
// wire::write: a shape as compact JSON (restJson1), by walking its description. The client writes
// each request once, before its first attempt; ids and times that are absent are filled in on the
// way, so that no request is ever copied for them.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_WRITE_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_WRITE_HPP

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/model/event_id.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// Fills absent ids and times from the system.
struct SystemDefaults {
  [[nodiscard]] std::string event_id() const { return new_event_id(); }
  [[nodiscard]] std::chrono::system_clock::time_point now() const {
    return std::chrono::system_clock::now();
  }
};

/// Fills nothing: a shape is written as it stands.
struct NoDefaults {
  [[nodiscard]] std::optional<std::string> event_id() const { return std::nullopt; }
  [[nodiscard]] std::optional<std::chrono::system_clock::time_point> now() const {
    return std::nullopt;
  }
};

/// Writes shapes by their descriptions. `Defaults` answers `event_id()` and `now()`, plainly or as
/// an optional; an empty one leaves the member out.
template <class Defaults>
class ShapeWriter {
 public:
  ShapeWriter(json::Writer& writer, Defaults& defaults) : writer_(writer), defaults_(defaults) {}

  template <class Shape>
  void write(const Shape& shape) {
    writer_.begin_object();
    model::for_each_member<Shape>([&](const auto& member) {
      write_member(member.wire_name, shape.*member.pointer, member.rules);
      return true;
    });
    writer_.end_object();
  }

  /// Begins another text with the writer, which the caller has reset. Keeps the memory.
  void reset() { good_ = true; }

  /// Whether everything so far could be written.
  [[nodiscard]] bool good() const { return good_ && writer_.good(); }

 private:
  template <class Type>
  void write_member(std::string_view name, const std::optional<Type>& value,
                    const model::Rules& rules) {
    if (value) return write_member(name, *value, rules);
    if constexpr (std::is_same_v<Type, std::string>) {
      if (rules.fill == model::Fill::EventId) write_default(name, defaults_.event_id());
    } else if constexpr (std::is_same_v<Type, std::chrono::system_clock::time_point>) {
      if (rules.fill == model::Fill::Now) write_default(name, defaults_.now());
    }
  }

  template <class Value>
  void write_default(std::string_view name, const Value& value) {
    writer_.key(name);
    write_value(value);
  }
  template <class Value>
  void write_default(std::string_view name, const std::optional<Value>& value) {
    if (value) write_default(name, *value);
  }

  template <class Type>
  void write_member(std::string_view name, const std::vector<Type>& values,
                    const model::Rules& rules) {
    if (values.empty() && !rules.is_required) return;
    writer_.key(name);
    writer_.begin_array();
    for (const Type& value : values) write_value(value);
    writer_.end_array();
  }

  template <class Type>
  void write_member(std::string_view name, const Type& value, const model::Rules&) {
    writer_.key(name);
    write_value(value);
  }

  void write_value(std::string_view text) { writer_.string(text); }
  void write_value(const detail::UuidText& text) { writer_.string(detail::view_of(text)); }
  void write_value(double number) { writer_.number(number); }
  void write_value(std::chrono::system_clock::time_point time) {
    writer_.raw(detail::format_epoch_seconds(time));
  }
  void write_value(const Properties& properties) {
    scratch_.clear();
    inner_.reset();
    write_properties(inner_, properties);
    // What cannot be written inside must not be written outside as if it were whole.
    writer_.string(inner_.good() ? std::string_view(scratch_) : std::string_view{});
    good_ = good_ && inner_.good();
  }
  template <class Shape, std::enable_if_t<model::is_shape<Shape>, int> = 0>
  void write_value(const Shape& shape) {
    write(shape);
  }

  json::Writer& writer_;
  Defaults& defaults_;
  std::string scratch_{};
  json::Writer inner_{scratch_};
  bool good_{true};
};

/// A shape that passed `validate`, as one JSON text.
///
/// @par Error Handling
/// InvalidArgument when JSON cannot say a value; `validate` finds and names all of these first.
template <class Shape, class Defaults>
[[nodiscard]] Result<std::string> write(const Shape& shape, Defaults&& defaults) {
  std::string text;
  text.reserve(512);
  json::Writer writer(text);
  ShapeWriter<std::remove_reference_t<Defaults>> shapes(writer, defaults);
  shapes.write(shape);
  if (!shapes.good()) {
    return detail::make_error(ErrorKind::InvalidArgument,
                              std::string(model::Description<Shape>::name),
                              "a value cannot be written as JSON");
  }
  return text;
}
template <class Shape>
[[nodiscard]] Result<std::string> write(const Shape& shape) {
  return write(shape, SystemDefaults{});
}

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
