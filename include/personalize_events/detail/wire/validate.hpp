// SPDX-License-Identifier: Apache-2.0
//
// wire::validate: the first rule of the service model that a request breaks, found by walking the
// shape's own description. The client calls it before anything is sent, the recorder before an
// event is queued, so that one bad event never takes nine good ones with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_VALIDATE_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_VALIDATE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/path.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// Walks a shape by its description and stops at the first broken rule.
class Validator {
 public:
  explicit Validator(Validation mode) : enforces_bounds_(mode == Validation::Model) {}

  template <class Shape>
  [[nodiscard]] Result<void> validate(const Shape& shape, const Path& path) const {
    Result<void> result;
    model::for_each_member<Shape>([&](const auto& member) {
      result = check_value(shape.*member.pointer, member.rules, path.member(member.wire_name));
      return result.has_value();
    });
    return result;
  }

 private:
  template <class Type>
  [[nodiscard]] Result<void> check_value(const std::optional<Type>& value,
                                         const model::Rules& rules, const Path& path) const {
    if (value) return check_value(*value, rules, path);
    if (rules.is_required && rules.fill == model::Fill::Nothing) return path.refuse("missing");
    return {};
  }

  template <class Type>
  [[nodiscard]] Result<void> check_value(const std::vector<Type>& values, const model::Rules& rules,
                                         const Path& path) const {
    if (values.empty() && !rules.is_required) return {};
    if (auto valid = check_bounds(values.size(), rules.count, "element", path); !valid)
      return valid;
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (auto valid = check_value(values[i], rules, path.element(i)); !valid) return valid;
    }
    return {};
  }

  [[nodiscard]] Result<void> check_value(const std::string& text, const model::Rules& rules,
                                         const Path& path) const {
    const std::optional<std::size_t> length = detail::count_utf8(text);
    if (!length) return path.refuse("not well-formed UTF-8");
    if (auto valid = check_bounds(*length, rules.length, "character", path); !valid) return valid;
    if (enforces_bounds_ && rules.pattern != nullptr && !rules.pattern->matches(text)) {
      return path.refuse("does not match the pattern " + std::string(rules.pattern->expression));
    }
    return {};
  }

  [[nodiscard]] Result<void> check_value(const Properties& properties, const model::Rules& rules,
                                         const Path& path) const {
    if (auto valid = validate_properties(properties, path); !valid) return valid;
    if (!enforces_bounds_) return {};
    return check_bounds(json_length(properties), rules.length, "character", path);
  }

  [[nodiscard]] Result<void> check_value(double number, const model::Rules&,
                                         const Path& path) const {
    if (!detail::is_finite(number)) return path.refuse("not a finite number");
    return {};
  }

  [[nodiscard]] Result<void> check_value(std::chrono::system_clock::time_point, const model::Rules&,
                                         const Path&) const {
    return {};
  }

  template <class Shape, std::enable_if_t<model::is_shape<Shape>, int> = 0>
  [[nodiscard]] Result<void> check_value(const Shape& shape, const model::Rules&,
                                         const Path& path) const {
    return validate(shape, path);
  }

  [[nodiscard]] Result<void> check_bounds(std::size_t size, model::Bounds bounds,
                                          std::string_view unit, const Path& path) const {
    if (!enforces_bounds_ || (size >= bounds.least && size <= bounds.most)) return {};
    const bool too_few = size < bounds.least;
    std::string message = std::to_string(size);
    message.append(" ").append(unit).append(size == 1 ? "" : "s");
    message.append(too_few ? ", at least " : ", at most ")
        .append(std::to_string(too_few ? bounds.least : bounds.most));
    return path.refuse(std::move(message));
  }

  bool enforces_bounds_;
};

/// The first rule that a shape breaks. Ids and times that the client fills in may be absent.
///
/// @par Error Handling
/// InvalidArgument: `where` names the member ("eventList[3].itemId"), `message` its limit ("301
/// characters, at most 256"). Neither holds content.
template <class Shape>
[[nodiscard]] Result<void> validate(const Shape& shape, Validation mode = Validation::Model) {
  return Validator{mode}.validate(shape, Path{});
}

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
