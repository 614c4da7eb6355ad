// SPDX-License-Identifier: Apache-2.0
//
// Every aggregate of the public API, made from the members that a user writes and no more. Compiled
// with -Wmissing-field-initializers as an error: a member without an initializer of its own would
// warn in the user's code.
#include <personalize_events/detail/testing/endpoint_service.hpp>
#include <personalize_events/personalize_events.hpp>

namespace pe = personalize_events;

// So that none is unused.
template <class... Aggregate>
void use(const Aggregate&...) {}

void make_all_aggregates();
void make_all_aggregates() {
  use(pe::Error{pe::ErrorKind::Timeout}, pe::MetricAttribution{"campaign"}, pe::Event{"Watch"},
      pe::PutEventsRequest{"tracking", "session"},
      pe::PutEventsRequest{"tracking", "session", {pe::Event{"Watch"}}},
      pe::ActionInteraction{"action", "session", "Viewed"},
      pe::PutActionInteractionsRequest{"tracking"}, pe::User{"user"}, pe::PutUsersRequest{"arn"},
      pe::Item{"item"}, pe::PutItemsRequest{"arn"}, pe::Action{"action"},
      pe::PutActionsRequest{"arn"}, pe::PutResult{"request"});
  use(pe::RetryOptions{pe::RetryMode::Standard}, pe::HttpOptions{std::chrono::milliseconds{1}},
      pe::ClientOptions{"us-east-1"}, pe::Attempt{"PutEvents"}, pe::Credentials{"id", "secret"},
      pe::HttpRequest{"GET"}, pe::HttpResponse{200});
  use(pe::Session{"session"}, pe::RecorderOptions{"tracking"}, pe::RecorderStats{1},
      pe::Delivery{pe::Outcome::Delivered}, pe::Fault{pe::FaultKind::Offline}, pe::FlushReport{1},
      pe::RunReport{std::chrono::milliseconds{1}});
  use(pe::testing::LocalEndpointOptions{pe::Credentials{"id", "secret"}});
}
