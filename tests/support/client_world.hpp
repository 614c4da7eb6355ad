// SPDX-License-Identifier: Apache-2.0
//
// What tests of the client share: a client in a virtual world, a request of each operation, and
// answers of the service.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_CLIENT_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_CLIENT_WORLD_HPP

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/credentials.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"

namespace test {

/// Every text of a request or of credentials that no error may show has this in it.
inline constexpr const char* kMarker = "MARKER";

/// Credentials with a token.
inline personalize_events::Credentials temporary_credentials() {
  return {"AKIDMARKER0000000000", "secret-MARKER-secret-MARKER-secret-MARKER",
          "token-MARKER-token-MARKER-token-MARKER"};
}

/// Credentials, a transport and a platform that a client is made of.
struct ClientWorld {
  std::shared_ptr<personalize_events::testing::VirtualPlatform> platform =
      std::make_shared<personalize_events::testing::VirtualPlatform>();
  std::shared_ptr<personalize_events::testing::FakeTransport> transport =
      std::make_shared<personalize_events::testing::FakeTransport>();
  personalize_events::ClientOptions options{};

  ClientWorld() {
    options.region = "us-east-1";
    options.credentials = personalize_events::static_credentials(temporary_credentials());
    options.transport = transport;
    options.platform = platform;
  }

  [[nodiscard]] personalize_events::Client client() const {
    return personalize_events::Client{options};
  }
};

/// Two events: one with all members, one with the least.
inline personalize_events::PutEventsRequest put_events_request() {
  personalize_events::Event full{"watch-MARKER"};
  full.event_value = 4.5;
  full.item_id = "item-MARKER";
  full.properties = personalize_events::Properties{{"device", "tv-MARKER"}, {"free", true}};
  full.recommendation_id = "list-MARKER";
  full.impression = {"item-MARKER", "other-MARKER"};
  full.metric_attribution = personalize_events::MetricAttribution{"mail-MARKER"};
  personalize_events::PutEventsRequest request{
      "tracking-MARKER", "session-MARKER", {full, personalize_events::Event{"click-MARKER"}}};
  request.user_id = "user-MARKER";
  return request;
}

inline personalize_events::PutActionInteractionsRequest put_action_interactions_request() {
  return {"tracking-MARKER", {{"action-MARKER", "session-MARKER", "Viewed"}}};
}

inline const char* dataset_arn() {
  return "arn:aws:personalize:us-east-1:123456789012:dataset/MARKER/USERS";
}

inline personalize_events::PutUsersRequest put_users_request() {
  return {dataset_arn(), {{"user-MARKER", personalize_events::Properties{{"age", 41}}}}};
}

inline personalize_events::PutItemsRequest put_items_request() {
  return {dataset_arn(), {{"item-MARKER", personalize_events::Properties{{"price", 9.5}}}}};
}

inline personalize_events::PutActionsRequest put_actions_request() {
  return {dataset_arn(), {{"action-MARKER"}}};
}

using Operation = std::function<personalize_events::Result<personalize_events::PutResult>(
    const personalize_events::Client&)>;

/// Each operation with a good request, by its AWS name.
inline std::vector<std::pair<std::string, Operation>> operations() {
  using personalize_events::Client;
  return {
      {"PutEvents", [](const Client& client) { return client.put_events(put_events_request()); }},
      {"PutActionInteractions",
       [](const Client& client) {
         return client.put_action_interactions(put_action_interactions_request());
       }},
      {"PutUsers", [](const Client& client) { return client.put_users(put_users_request()); }},
      {"PutItems", [](const Client& client) { return client.put_items(put_items_request()); }},
      {"PutActions",
       [](const Client& client) { return client.put_actions(put_actions_request()); }},
  };
}

/// An error of the service, with its code in the header.
inline personalize_events::HttpResponse service_error(int status, const std::string& code,
                                                      personalize_events::Headers more = {}) {
  more.emplace_back("x-amzn-ErrorType", code);
  more.emplace_back("x-amzn-RequestId", "request-of-error");
  return {status, std::move(more), R"({"message":"said by the service"})"};
}

/// A failure of the transport that may pass.
inline personalize_events::Error transport_error(
    personalize_events::ErrorKind kind = personalize_events::ErrorKind::Transport,
    bool may_have_been_delivered = false) {
  auto error = personalize_events::detail::make_error(kind, "host:443", "no answer");
  error.retryable = true;
  error.connected = may_have_been_delivered;
  error.may_have_been_delivered = may_have_been_delivered;
  return error;
}

/// The value of a header, empty when it is absent.
inline std::string header(const personalize_events::HttpRequest& request, std::string_view name) {
  const std::string* value = personalize_events::find_header(request.headers, name);
  return value == nullptr ? std::string{} : *value;
}

/// All that an error says, for a search.
inline std::string all_texts(const personalize_events::Error& error) {
  return error.code + "\n" + error.where + "\n" + error.message + "\n" + error.request_id + "\n" +
         to_string(error);
}

}  // namespace test

#endif
