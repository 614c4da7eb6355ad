// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/wire/descriptions.hpp"

#include <set>
#include <string_view>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::model::Description;

namespace {

template <class... Requests>
void check_requests() {
  const std::set<std::string_view> paths{Description<Requests>::path...};
  CHECK(paths.size() == sizeof...(Requests));
  const std::set<std::string_view> operations{Description<Requests>::operation...};
  CHECK(operations.size() == sizeof...(Requests));
  // A request has the name of its operation.
  CHECK(((Description<Requests>::name.substr(0, Description<Requests>::operation.size()) ==
          Description<Requests>::operation) &&
         ...));
}

}  // namespace

TEST_CASE("Each request has an operation and a path") {
  check_requests<pe::PutEventsRequest, pe::PutActionInteractionsRequest, pe::PutUsersRequest,
                 pe::PutItemsRequest, pe::PutActionsRequest>();
}

TEST_CASE("Of the shapes, an event is sensitive as a whole, as in the model") {
  CHECK(Description<pe::Event>::is_sensitive);
  CHECK_FALSE(Description<pe::PutEventsRequest>::is_sensitive);
  CHECK_FALSE(pe::detail::model::is_shape<pe::Properties>);
}
