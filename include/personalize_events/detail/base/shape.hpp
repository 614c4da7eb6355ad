// SPDX-License-Identifier: Apache-2.0
//
// How a shape of the service model describes itself: one Member for each of its members, with the
// wire name, the bounds and the sensitivity, in one constexpr tuple. wire/ writes, validates and
// reads shapes by that tuple, and a test compares it with AWS's own service-2.json.
#ifndef PERSONALIZE_EVENTS_DETAIL_BASE_SHAPE_HPP
#define PERSONALIZE_EVENTS_DETAIL_BASE_SHAPE_HPP

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::model {

/// A regular expression of the model, and a function that matches as it does: anywhere in the text,
/// unless the expression is anchored (Smithy, "pattern trait").
struct Pattern {
  std::string_view expression;
  bool (*matches)(std::string_view text);
};

/// What the library puts in place of an absent member before the first attempt.
enum class Fill : std::uint8_t { Nothing, EventId, Now };

/// Least and most, both allowed. Of text in Unicode scalar values, of a list in elements.
struct Bounds {
  std::size_t least{0};
  std::size_t most{(std::numeric_limits<std::size_t>::max)()};
};

/// The rules of one member.
struct Rules {
  /// Of text, of properties as JSON text, and of each text in a list.
  Bounds length{};
  /// Of a list.
  Bounds count{};
  const Pattern* pattern{nullptr};
  Fill fill{Fill::Nothing};
  bool is_required{false};
  /// The model's `sensitive` trait, on the member's own shape or its elements'.
  bool is_sensitive{false};

  [[nodiscard]] constexpr Rules required() const {
    Rules rules = *this;
    rules.is_required = true;
    return rules;
  }
  [[nodiscard]] constexpr Rules sensitive() const {
    Rules rules = *this;
    rules.is_sensitive = true;
    return rules;
  }
  [[nodiscard]] constexpr Rules filled_with(Fill what) const {
    Rules rules = *this;
    rules.fill = what;
    return rules;
  }
  [[nodiscard]] constexpr Rules matching(const Pattern& expression) const {
    Rules rules = *this;
    rules.pattern = &expression;
    return rules;
  }
};

/// Text, or properties, of so many Unicode scalar values.
[[nodiscard]] constexpr Rules text(std::size_t least, std::size_t most) {
  Rules rules;
  rules.length = {least, most};
  return rules;
}

/// A list of so many elements, each with the rules given.
[[nodiscard]] constexpr Rules list(std::size_t least, std::size_t most, Rules each = {}) {
  each.count = {least, most};
  return each;
}

/// A number, a moment, or a structure: no bounds of its own.
[[nodiscard]] constexpr Rules plain() { return {}; }

/// One member of a shape.
template <class Shape, class Type>
struct Member {
  std::string_view wire_name;
  Type Shape::*pointer;
  Rules rules;
};

template <class Shape, class Type>
[[nodiscard]] constexpr Member<Shape, Type> member(std::string_view wire_name, Type Shape::*pointer,
                                                   Rules rules) {
  return {wire_name, pointer, rules};
}

/// Specialised beside each shape: `name`, `is_sensitive`, and `members`, a tuple of Member in the
/// order of the model. A request also has `operation` and `path`.
template <class Shape>
struct Description;

template <class Shape, class = void>
struct IsShape : std::false_type {};
template <class Shape>
struct IsShape<Shape, std::void_t<decltype(Description<Shape>::members)>> : std::true_type {};

/// Whether a type describes itself.
template <class Shape>
inline constexpr bool is_shape = IsShape<Shape>::value;

/// Calls `visit(member)` for the members at these places, as for_each_member does.
template <class Shape, class Visit, std::size_t... Places>
constexpr bool visit_members(Visit& visit, std::index_sequence<Places...> /*places*/) {
  return (visit(std::get<Places>(Description<Shape>::members)) && ...);
}

/// Calls `visit(member)` for each member of a shape, in order, until one answers false; answers
/// whether none did.
template <class Shape, class Visit>
constexpr bool for_each_member(Visit&& visit) {
  // Not std::apply: its questions about what can be called with what cost more to compile than the
  // calls.
  using Members = std::remove_const_t<decltype(Description<Shape>::members)>;
  return visit_members<Shape>(visit, std::make_index_sequence<std::tuple_size_v<Members>>{});
}

// `arn:([a-z\d-]+):personalize:.*:.*:.+`, the model's shape Arn. The earliest two colons of the
// rest leave the longest end, so they decide.
[[nodiscard]] constexpr bool matches_arn(std::string_view text) {
  constexpr std::string_view prefix = "arn:";
  constexpr std::string_view service = ":personalize:";
  const auto in_partition = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  for (std::size_t start = text.find(prefix); start != std::string_view::npos;
       start = text.find(prefix, start + 1)) {
    std::string_view rest = text.substr(start + prefix.size());
    std::size_t partition = 0;
    while (partition < rest.size() && in_partition(rest[partition])) ++partition;
    if (partition == 0 || rest.substr(partition, service.size()) != service) continue;
    rest.remove_prefix(partition + service.size());
    rest = rest.substr(0, rest.find_first_of("\r\n"));  // a dot matches no line end
    const std::size_t first = rest.find(':');
    const std::size_t second = first == std::string_view::npos ? first : rest.find(':', first + 1);
    if (second != std::string_view::npos && second + 1 < rest.size()) return true;
  }
  return false;
}

// `^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$`, the model's shape EventAttributionSource: printable
// ASCII, not only spaces.
[[nodiscard]] constexpr bool matches_attribution_source(std::string_view text) {
  bool any = false;
  for (const char c : text) {
    if (c < 0x20 || c > 0x7E) return false;
    any = any || c != ' ';
  }
  return any;
}

inline constexpr Pattern kArn{R"(arn:([a-z\d-]+):personalize:.*:.*:.+)", matches_arn};
inline constexpr Pattern kAttributionSource{R"(^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$)",
                                            matches_attribution_source};

}  // namespace detail::model

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
