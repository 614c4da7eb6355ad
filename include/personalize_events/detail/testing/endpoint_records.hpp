// SPDX-License-Identifier: Apache-2.0
//
// EndpointRecords: what the local endpoint saw and took, counted and kept, for the test that asks
// afterwards. endpoint_service.hpp fills it, endpoint_control.hpp tells it over HTTP.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_RECORDS_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_RECORDS_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "personalize_events/detail/testing/endpoint_request.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/model/put_action_interactions.hpp"
#include "personalize_events/model/put_actions.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/model/put_items.hpp"
#include "personalize_events/model/put_users.hpp"
#include "personalize_events/transport.hpp"

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
  std::string body{};           ///< as it was sent; empty if it was refused
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
  /// Keeps at most `most` records, of about `most_bytes` of memory, of each kind: requests, events,
  /// users and so on. With 0 it only counts.
  explicit EndpointRecords(std::size_t most,
                           std::size_t most_bytes = (std::numeric_limits<std::size_t>::max)())
      : most_(most), most_bytes_(most_bytes) {}
  EndpointRecords(const EndpointRecords&) = delete;
  EndpointRecords& operator=(const EndpointRecords&) = delete;

  /// Adds a request; `accepted` is null for one that was refused.
  void add(SeenRequest request, const AcceptedRequest* accepted) {
    {
      const std::lock_guard<std::mutex> lock{mutex_};
      ++summary_.requests;
      if (accepted == nullptr) {
        ++summary_.refused_requests;
      } else {
        accepted->request.visit([this](const auto& taken) { keep_content(taken); });
      }
      const std::size_t bytes = memory_of(request);
      push(std::move(request), bytes, requests_);
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
    requests_ = {};
    events_ = {};
    kept_ids_.clear();
    action_interactions_ = {};
    users_ = {};
    items_ = {};
    actions_ = {};
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
  /// The latest records of one kind, each with the memory that it takes.
  template <class Record>
  struct Kept {
    using Type = Record;
    std::deque<std::pair<Record, std::size_t>> records{};
    std::size_t bytes{0};
  };

  void keep_content(const PutEventsRequest& request) {
    summary_.events += request.event_list.size();
    for (const Event& event : request.event_list) keep_event(request, event);
  }
  void keep_content(const PutActionInteractionsRequest& request) {
    summary_.action_interactions += request.action_interactions.size();
    for (const ActionInteraction& interaction : request.action_interactions) {
      push({request.tracking_id, interaction}, memory_of(interaction), action_interactions_);
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
                     std::uint64_t& count, Kept<AcceptedEntity<Entity>>& kept) {
    count += entities.size();
    for (const Entity& entity : entities) push({dataset_arn, entity}, memory_of(entity), kept);
  }

  void keep_event(const PutEventsRequest& request, const Event& event) {
    if (most_ == 0) return;
    AcceptedEvent accepted{request.tracking_id, request.session_id, request.user_id, event};
    if (event.event_id) accepted.is_duplicate = kept_ids_[id_of(accepted)]++ > 0;
    if (accepted.is_duplicate) ++summary_.duplicate_events;
    push(std::move(accepted), memory_of(event), events_);
  }

  /// One event source's id says nothing about another's.
  [[nodiscard]] static std::string id_of(const AcceptedEvent& accepted) {
    return accepted.tracking_id + '\n' + accepted.event.event_id.value_or("");
  }

  void forget_id(const AcceptedEvent& accepted) {
    const auto found = kept_ids_.find(id_of(accepted));
    if (found != kept_ids_.end() && --found->second == 0) kept_ids_.erase(found);
  }

  void forget(const AcceptedEvent& accepted) { forget_id(accepted); }
  template <class Record>
  void forget(const Record&) {}

  template <class Record>
  void push(typename Kept<Record>::Type record, std::size_t bytes, Kept<Record>& kept) {
    if (most_ == 0) return;
    kept.bytes += bytes;
    kept.records.emplace_back(std::move(record), bytes);
    while (kept.records.size() > most_ || (kept.bytes > most_bytes_ && kept.records.size() > 1)) {
      forget(kept.records.front().first);
      kept.bytes -= kept.records.front().second;
      kept.records.pop_front();
    }
  }

  /// About what a record takes: texts, and a fixed part for each member and property.
  [[nodiscard]] static std::size_t memory_of(const SeenRequest& request) {
    std::size_t bytes = sizeof request + 64 + request.target.size() + request.body.size() +
                        request.error_message.size();
    for (const auto& [name, value] : request.headers) bytes += 64 + name.size() + value.size();
    return bytes;
  }
  template <class Shape>
  [[nodiscard]] static std::size_t memory_of(const Shape& shape) {
    std::size_t bytes = 1024 + sizeof shape;
    detail::model::for_each_member<Shape>([&](const auto& member) {
      bytes += memory_of_value(shape.*(member.pointer));
      return true;
    });
    return bytes;
  }
  [[nodiscard]] static std::size_t memory_of_value(const std::string& text) { return text.size(); }
  [[nodiscard]] static std::size_t memory_of_value(const std::optional<Properties>& properties) {
    std::size_t bytes = 0;
    if (!properties) return bytes;
    for (const auto& [key, value] : properties->entries()) {
      bytes += 64 + sizeof value + key.size();
    }
    return bytes;
  }
  template <class Element>
  [[nodiscard]] static std::size_t memory_of_value(const std::vector<Element>& elements) {
    return elements.size() * (sizeof(Element) + 32);
  }
  template <class Other>
  [[nodiscard]] static std::size_t memory_of_value(const Other&) {
    return 0;
  }

  template <class Record>
  [[nodiscard]] std::vector<Record> copy(const Kept<Record>& kept) const {
    const std::lock_guard<std::mutex> lock{mutex_};
    std::vector<Record> records;
    records.reserve(kept.records.size());
    for (const auto& [record, bytes] : kept.records) records.push_back(record);
    return records;
  }

  const std::size_t most_;
  const std::size_t most_bytes_;
  mutable std::mutex mutex_{};
  mutable std::condition_variable changed_{};
  EndpointSummary summary_{};
  Kept<SeenRequest> requests_{};
  Kept<AcceptedEvent> events_{};
  /// How many of the kept events have an id.
  std::unordered_map<std::string, std::size_t> kept_ids_{};
  Kept<AcceptedActionInteraction> action_interactions_{};
  Kept<AcceptedEntity<User>> users_{};
  Kept<AcceptedEntity<Item>> items_{};
  Kept<AcceptedEntity<Action>> actions_{};
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
