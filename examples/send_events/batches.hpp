// SPDX-License-Identifier: Apache-2.0
//
// Batcher: rows in the file's order in, requests out. A request holds up to ten events of one user
// in one session, and a session's events leave in the order in which they came.
#ifndef SEND_EVENTS_BATCHES_HPP
#define SEND_EVENTS_BATCHES_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rows.hpp"

namespace send_events {

/// A request, and where its events stand in the file.
struct Batch {
  pe::PutEventsRequest request{};
  std::vector<Origin> origins{};

  [[nodiscard]] std::size_t size() const { return origins.size(); }

  /// The events from `begin` up to `end`.
  [[nodiscard]] Batch part(std::size_t begin, std::size_t end) const {
    Batch part;
    part.request.tracking_id = request.tracking_id;
    part.request.session_id = request.session_id;
    part.request.user_id = request.user_id;
    for (std::size_t i = begin; i < end; ++i) {
      part.request.event_list.push_back(request.event_list[i]);
      part.origins.push_back(origins[i]);
    }
    return part;
  }
};

/// Collects rows by session. A batch leaves when it is full, when its session's user or tracker
/// changes, when too many are open (the one that waited longest for another row goes), and at the
/// end.
class Batcher {
 public:
  static constexpr std::size_t kMostEvents = 10;  // the service's limit

  /// `tracking_id` is for rows that do not say it.
  Batcher(std::string tracking_id, std::size_t most_open, std::function<void(Batch&&)> send)
      : tracking_id_(std::move(tracking_id)), most_open_(most_open), send_(std::move(send)) {}

  void add(Row&& row) {
    if (row.tracking_id.empty()) row.tracking_id = tracking_id_;
    auto open = by_session_.find(row.session_id);
    if (open != by_session_.end() && !is_of(open->second->request, row)) {
      leave(open->second);
      open = by_session_.end();
    }
    if (open == by_session_.end()) {
      open = begin_batch(row);
    } else {
      batches_.splice(batches_.end(), batches_, open->second);
    }
    Batch& batch = *open->second;
    batch.request.event_list.push_back(std::move(row.event));
    batch.origins.push_back(std::move(row.origin));
    if (batch.size() == kMostEvents) leave(open->second);
  }

  void finish() {
    while (!batches_.empty()) leave(batches_.begin());
  }

 private:
  using Place = std::list<Batch>::iterator;

  static bool is_of(const pe::PutEventsRequest& request, const Row& row) {
    const bool is_same_user =
        request.user_id ? *request.user_id == row.user_id : row.user_id.empty();
    return is_same_user && request.tracking_id == row.tracking_id;
  }

  std::unordered_map<std::string, Place>::iterator begin_batch(const Row& row) {
    if (batches_.size() == most_open_) leave(batches_.begin());
    Batch batch;
    batch.request.tracking_id = row.tracking_id;
    batch.request.session_id = row.session_id;
    if (!row.user_id.empty()) batch.request.user_id = row.user_id;
    const Place place = batches_.insert(batches_.end(), std::move(batch));
    return by_session_.emplace(row.session_id, place).first;
  }

  void leave(Place place) {
    Batch batch = std::move(*place);
    batches_.erase(place);
    by_session_.erase(batch.request.session_id);
    send_(std::move(batch));
  }

  std::string tracking_id_;
  std::size_t most_open_;
  std::function<void(Batch&&)> send_;
  std::list<Batch> batches_{};  // the one that waits longest first
  std::unordered_map<std::string, Place> by_session_{};
};

}  // namespace send_events

#endif
