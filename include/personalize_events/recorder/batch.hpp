// SPDX-License-Identifier: Apache-2.0
//
// Batch: one to ten events of one session and user that travel in one request, and its body. The
// batcher makes it; no other code can, and it has no room for an eleventh.
#ifndef PERSONALIZE_EVENTS_RECORDER_BATCH_HPP
#define PERSONALIZE_EVENTS_RECORDER_BATCH_HPP

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "personalize_events/json/writer.hpp"
#include "personalize_events/recorder/pending_event.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Most events of one PutEvents request.
inline constexpr std::size_t kMaxBatchEvents = 10;

/// Whose request it is: of a session that is in use now, or of one that waited through an outage.
enum class Lane : std::uint8_t { Live, Backlog };

/// Where a session of the batcher stands.
enum class SessionPlace : std::uint8_t {
  Lingering,  ///< its first batch waits for more events
  Parked,     ///< it waits until `due`
  Ready,      ///< a batch may leave, before those of the backlog
  Backlog,    ///< a batch may leave, after those of the others
  InFlight,   ///< a batch is on its way, or set aside
};

/// A session with pending events: the events in order, and what is known of the next batch.
struct SessionQueue {
  /// Oldest first; the first `in_flight` are on their way.
  PendingEvents events{};
  /// When it may leave, while it lingers or is parked.
  SteadyTime due{};
  std::uint8_t in_flight{0};
  /// Most events of the next batch; less than ten while a bad event is looked for.
  std::uint8_t most_next{kMaxBatchEvents};
  /// Leading events among which the service found one that it refuses.
  std::uint8_t suspects{0};
  /// Attempts of the leading batch that failed in a row.
  std::uint8_t failures{0};
  /// The service refused the leading batch, and that may not be for its events.
  bool was_refused{false};
  bool is_backlog{false};
  SessionPlace place{SessionPlace::Ready};

  [[nodiscard]] Lane lane() const noexcept { return is_backlog ? Lane::Backlog : Lane::Live; }
};

/// Events that travel together. A handle: the events stay with the batcher.
class Batch {
 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] PendingEvent& operator[](std::size_t i) const noexcept { return *events_[i]; }
  [[nodiscard]] const PendingEvent& first() const noexcept { return *events_.front(); }
  /// What is known of their session.
  [[nodiscard]] SessionQueue& session() const noexcept { return *session_; }
  /// The number of its request, set by the dispatcher.
  std::uint64_t request{0};

 private:
  friend class Batcher;
  explicit Batch(std::list<SessionQueue>::iterator session) : session_(session) {}

  /// False when it is full.
  [[nodiscard]] bool add(PendingEvent& event) noexcept {
    if (size_ == events_.size()) return false;
    events_[size_++] = &event;
    return true;
  }

  std::list<SessionQueue>::iterator session_;
  std::array<PendingEvent*, kMaxBatchEvents> events_{};
  std::size_t size_{0};
};

/// The body of the PutEvents request that carries a batch. Errors: InvalidArgument, when an id is
/// not UTF-8, which the recorder has checked.
/// Source: https://docs.aws.amazon.com/personalize/latest/dg/API_UBS_PutEvents.html
[[nodiscard]] inline Result<std::string> write_body(std::string_view tracking_id,
                                                    const Batch& batch) {
  std::size_t size = 128 + tracking_id.size();
  for (std::size_t i = 0; i < batch.size(); ++i) size += batch[i].text.size();
  std::string body;
  body.reserve(size);
  json::Writer writer(body);
  writer.begin_object();
  writer.key("trackingId");
  writer.string(tracking_id);
  if (!batch.first().user_id().empty()) {
    writer.key("userId");
    writer.string(batch.first().user_id());
  }
  writer.key("sessionId");
  writer.string(batch.first().session_id());
  writer.key("eventList");
  writer.begin_array();
  for (std::size_t i = 0; i < batch.size(); ++i) writer.raw(batch[i].json());
  writer.end_array();
  writer.end_object();
  if (writer.good()) return body;
  return make_error(ErrorKind::InvalidArgument, "sessionId", "cannot be written as JSON");
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
