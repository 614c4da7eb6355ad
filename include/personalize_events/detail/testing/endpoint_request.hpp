// SPDX-License-Identifier: Apache-2.0
//
// AnyRequest, and how the local endpoint reads one: which operation a method and a path are, and
// whether a body keeps the service's model. Pure; endpoint_service.hpp asks it.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_REQUEST_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_REQUEST_HPP

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/path.hpp"
#include "personalize_events/detail/wire/read.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/model/properties.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// A request of any of the five operations: one member holds it.
struct AnyRequest {
  /// Of PutEvents.
  std::optional<PutEventsRequest> put_events{};
  /// Of PutActionInteractions.
  std::optional<PutActionInteractionsRequest> put_action_interactions{};
  /// Of PutUsers.
  std::optional<PutUsersRequest> put_users{};
  /// Of PutItems.
  std::optional<PutItemsRequest> put_items{};
  /// Of PutActions.
  std::optional<PutActionsRequest> put_actions{};

  /// Calls `use` with the request that is held.
  template <class Use>
  void visit(Use&& use) const {
    if (put_events) use(*put_events);
    if (put_action_interactions) use(*put_action_interactions);
    if (put_users) use(*put_users);
    if (put_items) use(*put_items);
    if (put_actions) use(*put_actions);
  }
};

namespace endpoint {

/// Checks what a shape that was read no longer tells: that a list was there but empty, and how long
/// properties were before they became compact.
class WireForm {
 public:
  template <class Shape>
  [[nodiscard]] static Result<void> validate(const detail::json::Value& object,
                                             const detail::wire::Path& path) {
    Result<void> result;
    detail::model::for_each_member<Shape>([&](const auto& member) {
      const detail::json::Value* value = object.find(member.wire_name);
      if (value != nullptr && !value->is(detail::json::Value::Type::Null)) {
        result = check_member(*value, member, path.member(member.wire_name));
      }
      return result.has_value();
    });
    return result;
  }

 private:
  template <class Shape, class Type>
  static Result<void> check_member(const detail::json::Value&,
                                   const detail::model::Member<Shape, Type>&,
                                   const detail::wire::Path&) {
    return {};
  }

  template <class Shape, class Element>
  static Result<void> check_member(const detail::json::Value& value,
                                   const detail::model::Member<Shape, std::vector<Element>>& member,
                                   const detail::wire::Path& path) {
    if (value.items.empty()) {
      return path.refuse("0 elements, at least " + std::to_string(member.rules.count.least));
    }
    if constexpr (detail::model::is_shape<Element>) {
      for (std::size_t i = 0; i < value.items.size(); ++i) {
        auto element = validate<Element>(value.items[i], path.element(i));
        if (!element) return element;
      }
    }
    return {};
  }

  template <class Shape>
  static Result<void> check_member(
      const detail::json::Value& value,
      const detail::model::Member<Shape, std::optional<Properties>>& member,
      const detail::wire::Path& path) {
    const std::size_t length = detail::count_utf8(value.text).value_or(0);
    if (length <= member.rules.length.most) return {};
    return path.refuse(std::to_string(length) + " characters, at most " +
                       std::to_string(member.rules.length.most));
  }
};

/// A request of one operation from its body, by the service's model.
template <class Request, std::optional<Request> AnyRequest::*Member>
[[nodiscard]] Result<AnyRequest> read_request(const detail::json::Value& body) {
  auto request = detail::wire::read<Request>(body, detail::wire::Required::ByModel);
  if (!request) return std::move(request).error();
  if (auto valid = detail::wire::validate(*request); !valid) return std::move(valid).error();
  auto form = WireForm::validate<Request>(body, detail::wire::Path{});
  if (!form) return std::move(form).error();
  AnyRequest any;
  any.*Member = *std::move(request);
  return any;
}

/// An operation of the service.
struct Operation {
  std::string_view name;
  std::string_view path;
  Result<AnyRequest> (*read)(const detail::json::Value& body);
};

template <class Request, std::optional<Request> AnyRequest::*Member>
[[nodiscard]] constexpr Operation operation_of() {
  return {detail::model::Description<Request>::operation, detail::model::Description<Request>::path,
          read_request<Request, Member>};
}

inline constexpr Operation kOperations[] = {
    operation_of<PutEventsRequest, &AnyRequest::put_events>(),
    operation_of<PutActionInteractionsRequest, &AnyRequest::put_action_interactions>(),
    operation_of<PutUsersRequest, &AnyRequest::put_users>(),
    operation_of<PutItemsRequest, &AnyRequest::put_items>(),
    operation_of<PutActionsRequest, &AnyRequest::put_actions>()};

/// The operation of a method and a target; null when there is none.
[[nodiscard]] inline const Operation* find_operation(std::string_view method,
                                                     std::string_view target) {
  const std::string_view path = target.substr(0, target.find('?'));
  for (const Operation& operation : kOperations) {
    if (method == "POST" && path == operation.path) return &operation;
  }
  return nullptr;
}

/// Whether a Content-Type says JSON; parameters do not matter.
[[nodiscard]] inline bool says_json(std::string_view content_type) {
  std::string_view type = content_type.substr(0, content_type.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return equal_header_names(type, "application/json");
}

}  // namespace endpoint

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
