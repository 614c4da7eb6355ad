// SPDX-License-Identifier: Apache-2.0

// First, so that it is seen to stand on its own.
#include "personalize_events/fwd.hpp"

namespace pe = personalize_events;

namespace {

/// What an application's header declares when it only names the types.
struct Application {
  pe::Client* client;
  pe::AsyncClient* async_client;
  pe::CurlTransport* curl;
  pe::Transport* transport;
  pe::Platform* platform;
  pe::EventSink* events;
  pe::EventRecorder* recorder;
  const pe::RecorderOptions* recorder_options;
  void (*on_delivery)(const pe::Delivery&, pe::Outcome);
  const pe::ClientOptions* options;
  pe::Result<pe::PutResult> (*put)(const pe::PutEventsRequest&, pe::Validation, pe::RetryMode);
  pe::Result<void> (*record)(const pe::Event&, const pe::Error&, pe::ErrorKind);
};

}  // namespace

#include <type_traits>

#include "catch.hpp"
#include "personalize_events/personalize_events.hpp"

namespace {

/// Whether the declaration was followed by a definition of the same type.
template <class... Types>
constexpr bool are_complete = ((sizeof(Types) > 0) && ...);

pe::Result<void> recorded(const pe::Event& event, const pe::Error&, pe::ErrorKind) {
  if (event.event_type.empty()) return pe::Error{};
  return {};
}

}  // namespace

TEST_CASE("each forward declaration is that of a type which the umbrella defines") {
  static_assert(
      are_complete<pe::ErrorKind, pe::Error, pe::Result<int>, pe::Properties, pe::PropertyValue,
                   pe::MetricAttribution, pe::Event, pe::PutEventsRequest, pe::ActionInteraction,
                   pe::PutActionInteractionsRequest, pe::User, pe::PutUsersRequest, pe::Item,
                   pe::PutItemsRequest, pe::Action, pe::PutActionsRequest, pe::PutResult>);
  static_assert(are_complete<pe::RetryMode, pe::Validation, pe::RetryOptions, pe::HttpOptions,
                             pe::ClientOptions, pe::Attempt, pe::Client, pe::AsyncClient,
                             pe::Credentials, pe::CredentialsKeeper, pe::HttpRequest,
                             pe::HttpResponse, pe::Transport, pe::CurlTransport, pe::AsyncTransport,
                             pe::CurlAsyncTransport, pe::WorkerTransport, pe::Platform>);
  static_assert(
      are_complete<pe::Session, pe::EventSink, pe::EventRecorder, pe::Outcome, pe::WhenFull,
                   pe::Driver, pe::FaultKind, pe::RecorderOptions, pe::RecorderStats, pe::Delivery,
                   pe::Fault, pe::FlushReport, pe::RunReport>);
  static_assert(std::is_base_of_v<pe::EventSink, pe::EventRecorder>);
  static_assert(std::is_base_of_v<pe::Transport, pe::CurlTransport>);
  static_assert(std::is_base_of_v<pe::AsyncTransport, pe::CurlAsyncTransport>);
  static_assert(std::is_base_of_v<pe::AsyncTransport, pe::WorkerTransport>);
  Application application{};
  application.record = recorded;
  CHECK(application.record(pe::Event{"Watch"}, {}, {}).has_value());
  CHECK_FALSE(application.record(pe::Event{""}, {}, {}).has_value());
}
