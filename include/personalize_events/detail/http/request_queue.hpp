// SPDX-License-Identifier: Apache-2.0
//
// RequestQueue: the started requests of an AsyncTransport that wait for their turn. They leave it
// in order of start, or at their deadline. Pure: it is given the time.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_REQUEST_QUEUE_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_REQUEST_QUEUE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/transport.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A request that is held for a while. Its headers may carry a token, so they are wiped at its end.
struct HeldRequest : HttpRequest {
  // NOLINTNEXTLINE(google-explicit-constructor): a queued request is made of a request
  HeldRequest(HttpRequest&& request) noexcept : HttpRequest(std::move(request)) {}
  HeldRequest(HeldRequest&&) noexcept = default;
  HeldRequest& operator=(HeldRequest&&) = delete;
  ~HeldRequest() {
    for (auto& [name, value] : headers) wipe(value);
  }
};

/// A request that was started and not yet sent.
struct QueuedRequest {
  std::uint64_t id{};
  HeldRequest request;
  AsyncTransport::Done done{};
  std::chrono::steady_clock::time_point deadline{};
};

/// Requests by order and by deadline.
///
/// @par Thread Safety
/// None: one thread at a time.
class RequestQueue {
 public:
  /// Adds a request; ids rise with each.
  void push(QueuedRequest queued) {
    deadlines_.emplace(queued.deadline, queued.id);
    requests_.emplace(queued.id, std::move(queued));
  }

  [[nodiscard]] bool empty() const noexcept { return requests_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return requests_.size(); }

  /// Takes out the request that was started first.
  [[nodiscard]] std::optional<QueuedRequest> take_first() { return take_at(requests_.begin()); }

  /// Takes out the request with this id.
  [[nodiscard]] std::optional<QueuedRequest> take(std::uint64_t id) {
    return take_at(requests_.find(id));
  }

  /// Takes out one whose deadline has come, the earliest first.
  [[nodiscard]] std::optional<QueuedRequest> take_expired(
      std::chrono::steady_clock::time_point now) {
    if (next_deadline() > now) return std::nullopt;
    return take(deadlines_.begin()->second);
  }

  /// The earliest deadline; the end of time without requests.
  [[nodiscard]] std::chrono::steady_clock::time_point next_deadline() const {
    if (deadlines_.empty()) return (std::chrono::steady_clock::time_point::max)();
    return deadlines_.begin()->first;
  }

 private:
  using Requests = std::map<std::uint64_t, QueuedRequest>;

  std::optional<QueuedRequest> take_at(Requests::iterator at) {
    if (at == requests_.end()) return std::nullopt;
    std::optional<QueuedRequest> taken{std::move(at->second)};
    deadlines_.erase({taken->deadline, taken->id});
    requests_.erase(at);
    return taken;
  }

  Requests requests_{};
  std::set<std::pair<std::chrono::steady_clock::time_point, std::uint64_t>> deadlines_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
