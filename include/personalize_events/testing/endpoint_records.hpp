// SPDX-License-Identifier: Apache-2.0
//
// EndpointRecords: what the local endpoint saw and took, counted and kept, for the test that asks
// afterwards. endpoint_service.hpp fills it, endpoint_control.hpp tells it over HTTP.
#ifndef PERSONALIZE_EVENTS_TESTING_ENDPOINT_RECORDS_HPP
#define PERSONALIZE_EVENTS_TESTING_ENDPOINT_RECORDS_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/http/message.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/testing/endpoint_request.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

/// A request that the endpoint took.
struct AcceptedRequest {
  std::string operation{};   ///< "PutEvents"
  std::string request_id{};  ///< as answered
  AnyRequest request{};      ///< what it said
};

/// An event that the endpoint took, with what its request said of all events.
struct AcceptedEvent {
  std::string tracking_id;               ///< of the request
  std::string session_id;                ///< of the request
  std::optional<std::string> user_id{};  ///< of the request
  Event event{};                         ///< with its id and time
  /// An event with this id and tracking id was kept before; the service trains on the first.
  bool is_duplicate{false};
};

/// An action interaction that the endpoint took.
struct AcceptedActionInteraction {
  std::string tracking_id;          ///< of the request
  ActionInteraction interaction{};  ///< with its id and time
};

/// A user, item or action that the endpoint took.
template <class Entity>
struct AcceptedEntity {
  std::string dataset_arn;  ///< of the request
  Entity entity{};          ///< as it was sent
};

/// A request as the endpoint saw it, and what it answered. Holds content and signatures: print it
/// in a test at most.
struct SeenRequest {
  std::string method;           ///< "POST"
  std::string target{};         ///< path and query
  Headers headers{};            ///< in the order of arrival
  std::string body{};           ///< as it was sent
  int status{0};                ///< answered; 0 when a fault rule reset the connection instead
  std::string error_code{};     ///< answered; empty when it was taken
  std::string error_message{};  ///< answered
  std::string request_id{};     ///< answered
};

/// How much the endpoint saw and took since its start, or since it was reset.
struct EndpointSummary {
  std::uint64_t requests{0};             ///< taken and refused
  std::uint64_t refused_requests{0};     ///< of these
  std::uint64_t events{0};               ///< taken
  std::uint64_t duplicate_events{0};     ///< of these; none are found when nothing is kept
  std::uint64_t action_interactions{0};  ///< taken
  std::uint64_t users{0};                ///< taken
  std::uint64_t items{0};                ///< taken
  std::uint64_t actions{0};              ///< taken
  std::uint64_t faults{0};               ///< requests that a fault rule met
};

/// Counts requests and their content, and keeps the latest of each sort.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time.
class EndpointRecords {
 public:
  /// Keeps at most `most` of each sort: requests, events, users and so on; 0 counts only.
  explicit EndpointRecords(std::size_t most) : most_(most) {}
  EndpointRecords(const EndpointRecords&) = delete;
  EndpointRecords& operator=(const EndpointRecords&) = delete;

  /// Adds a request; `accepted` is null for one that was refused.
  void add(SeenRequest request, const AcceptedRequest* accepted) {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      ++summary_.requests;
      push(std::move(request), requests_);
      if (accepted == nullptr) {
        ++summary_.refused_requests;
      } else {
        accepted->request.visit([this](const auto& taken) { keep_content(taken); });
      }
    }
    changed_.notify_all();
  }

  /// Counts a request that a fault rule met.
  void add_fault() {
    const std::lock_guard<std::mutex> lock{mutex_};
    ++summary_.faults;
  }

  /// Forgets and counts from zero.
  void reset() {
    const std::lock_guard<std::mutex> lock{mutex_};
    summary_ = {};
    requests_.clear();
    events_.clear();
    kept_ids_.clear();
    action_interactions_.clear();
    users_.clear();
    items_.clear();
    actions_.clear();
  }

  /// Waits until so many events were taken; false when `timeout` is over first.
  [[nodiscard]] bool wait_for(std::size_t count, std::chrono::milliseconds timeout) const {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, timeout, [&] { return summary_.events >= count; });
  }

  /// Copies of what is kept, in order of arrival.
  [[nodiscard]] std::vector<SeenRequest> requests() const { return copy(requests_); }
  /// Copies of what was kept, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEvent> events() const { return copy(events_); }
  /// Copies of what was kept, in order of arrival.
  [[nodiscard]] std::vector<AcceptedActionInteraction> action_interactions() const {
    return copy(action_interactions_);
  }
  /// Copies of what was kept, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEntity<User>> users() const { return copy(users_); }
  /// Copies of what was kept, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEntity<Item>> items() const { return copy(items_); }
  /// Copies of what was kept, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEntity<Action>> actions() const { return copy(actions_); }

  /// The counts, which do not depend on what is kept, but for duplicates.
  [[nodiscard]] EndpointSummary summary() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return summary_;
  }

 private:
  void keep_content(const PutEventsRequest& request) {
    summary_.events += request.event_list.size();
    for (const Event& event : request.event_list) keep_event(request, event);
  }
  void keep_content(const PutActionInteractionsRequest& request) {
    summary_.action_interactions += request.action_interactions.size();
    for (const ActionInteraction& interaction : request.action_interactions) {
      push({request.tracking_id, interaction}, action_interactions_);
    }
  }
  void keep_content(const PutUsersRequest& request) {
    keep_entities(request.dataset_arn, request.users, summary_.users, users_);
  }
  void keep_content(const PutItemsRequest& request) {
    keep_entities(request.dataset_arn, request.items, summary_.items, items_);
  }
  void keep_content(const PutActionsRequest& request) {
    keep_entities(request.dataset_arn, request.actions, summary_.actions, actions_);
  }
  template <class Entity>
  void keep_entities(const std::string& dataset_arn, const std::vector<Entity>& entities,
                     std::uint64_t& count, std::deque<AcceptedEntity<Entity>>& kept) {
    count += entities.size();
    for (const Entity& entity : entities) push({dataset_arn, entity}, kept);
  }

  void keep_event(const PutEventsRequest& request, const Event& event) {
    if (most_ == 0) return;
    if (events_.size() == most_) forget_id(events_.front());
    AcceptedEvent accepted{request.tracking_id, request.session_id, request.user_id, event};
    if (event.event_id) accepted.is_duplicate = kept_ids_[id_of(accepted)]++ > 0;
    if (accepted.is_duplicate) ++summary_.duplicate_events;
    push(std::move(accepted), events_);
  }

  /// One event source's id says nothing about another's.
  [[nodiscard]] static std::string id_of(const AcceptedEvent& accepted) {
    return accepted.tracking_id + '\n' + accepted.event.event_id.value_or("");
  }

  void forget_id(const AcceptedEvent& accepted) {
    const auto found = kept_ids_.find(id_of(accepted));
    if (found != kept_ids_.end() && --found->second == 0) kept_ids_.erase(found);
  }

  template <class Record>
  void push(typename std::deque<Record>::value_type record, std::deque<Record>& records) {
    if (most_ == 0) return;
    if (records.size() == most_) records.pop_front();
    records.push_back(std::move(record));
  }

  template <class Record>
  [[nodiscard]] std::vector<Record> copy(const std::deque<Record>& records) const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return {records.begin(), records.end()};
  }

  const std::size_t most_;
  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  EndpointSummary summary_{};
  std::deque<SeenRequest> requests_{};
  std::deque<AcceptedEvent> events_{};
  /// How many of the kept events have an id.
  std::unordered_map<std::string, std::size_t> kept_ids_{};
  std::deque<AcceptedActionInteraction> action_interactions_{};
  std::deque<AcceptedEntity<User>> users_{};
  std::deque<AcceptedEntity<Item>> items_{};
  std::deque<AcceptedEntity<Action>> actions_{};
};

}  // namespace testing
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
