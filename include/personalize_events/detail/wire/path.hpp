// SPDX-License-Identifier: Apache-2.0
//
// wire::Path: where in a shape a walk stands, kept on the stack and turned into text only when
// something is wrong there: "eventList[3].itemId". Used by validate.hpp and read.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_WIRE_PATH_HPP
#define PERSONALIZE_EVENTS_DETAIL_WIRE_PATH_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::wire {

/// One step of a path: a member by its wire name, or an element by its index. Refers to the step
/// before, which must outlive it; an empty name and no index is the root.
struct Path {
  const Path* parent{nullptr};
  std::string_view name{};
  std::optional<std::size_t> index{};

  [[nodiscard]] Path member(std::string_view wire_name) const { return {this, wire_name, {}}; }
  [[nodiscard]] Path element(std::size_t position) const { return {this, {}, position}; }

  [[nodiscard]] std::string text() const {
    std::string before = parent != nullptr ? parent->text() : std::string{};
    if (index) return before.append("[").append(std::to_string(*index)).append("]");
    if (!before.empty() && !name.empty()) before.push_back('.');
    return before.append(name);
  }

  /// An InvalidArgument at this place.
  [[nodiscard]] Error refuse(std::string message) const {
    return detail::make_error(ErrorKind::InvalidArgument, text(), std::move(message));
  }
};

}  // namespace detail::wire

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
