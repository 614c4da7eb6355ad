// SPDX-License-Identifier: Apache-2.0
//
// A pending event as an entry of the log, and back, with its age: pure functions of the event and
// the clocks. And SessionCounts: which sessions may have events that are on the disk only.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SPOOLED_EVENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SPOOLED_EVENT_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "personalize_events/detail/base/utf8.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

/// The same moment on the clocks of this machine.
struct Moment {
  detail::SteadyTime steady{};
  std::int64_t boot_ms{0};
  std::int64_t wall_ms{0};
};
[[nodiscard]] inline Moment moment_of(Platform& platform) {
  using std::chrono::milliseconds;
  return {platform.steady_now(),
          std::chrono::duration_cast<milliseconds>(platform.boot_now()).count(),
          std::chrono::floor<milliseconds>(platform.now().time_since_epoch()).count()};
}

/// A boot-time clock and, once the service has said its time, how far the service's is from it.
struct BootClock {
  /// Platform::boot_identity; empty: shared with no other process.
  std::string identity{};
  /// To be added to a boot time for the service's time, in milliseconds.
  std::optional<std::int64_t> service_offset{};
};

/// a - b, for clocks that may be anywhere.
[[nodiscard]] constexpr std::int64_t clamped_difference(std::int64_t a, std::int64_t b) noexcept {
  constexpr std::int64_t most = (std::numeric_limits<std::int64_t>::max)() / 4;
  return std::clamp(a, -most, most) - std::clamp(b, -most, most);
}

/// How old an event is: by the boot-time clock, if the writer read the same one; else by the
/// service's time, if both boots know it. Empty: unknown, so that its age counts from now. The wall
/// clock has no part in it, because it may be set.
[[nodiscard]] inline std::optional<std::chrono::milliseconds> age_of(const Entry& entry,
                                                                     const BootClock& writer,
                                                                     const BootClock& reader,
                                                                     const Moment& now) {
  std::int64_t age = 0;
  if (!writer.identity.empty() && writer.identity == reader.identity) {
    age = clamped_difference(now.boot_ms, entry.boot_ms);
  } else if (writer.service_offset && reader.service_offset) {
    age = clamped_difference(now.boot_ms + *reader.service_offset,
                             entry.boot_ms + *writer.service_offset);
  } else {
    return std::nullopt;
  }
  constexpr std::int64_t oldest = std::int64_t{1000} * 60 * 60 * 24 * 365 * 100;
  return std::chrono::milliseconds{std::clamp<std::int64_t>(age, 0, oldest)};
}

/// An event that was read back.
struct ReadEvent {
  detail::PendingEvents event{};
  /// It is older than SpoolOptions::max_age.
  bool is_expired{false};
  /// It cannot be sent: damaged, or written by another program.
  bool is_invalid{false};
};

/// The frame's content of an event. It refers to the texts.
[[nodiscard]] inline Entry entry_of(const detail::PendingEvent& event, std::string_view tracking_id,
                                    const Moment& now) {
  using std::chrono::milliseconds;
  const auto age = std::chrono::duration_cast<milliseconds>(now.steady - event.recorded_at).count();
  Entry entry;
  if (event.may_have_been_delivered) entry.flags |= kMayHaveBeenDelivered;
  if (event.time_is_ours) entry.flags |= kTimeIsOurs;
  entry.boot_ms = now.boot_ms - age;
  entry.wall_ms = now.wall_ms - age;
  entry.tracking_id = tracking_id;
  entry.session_id = event.session_id();
  entry.user_id = event.user_id();
  entry.event = event.json();
  return entry;
}

/// Whether a request can carry an entry.
[[nodiscard]] inline bool is_sendable(const Entry& entry) {
  if (entry.session_id.empty() || entry.event.empty()) return false;
  for (const std::string_view text : {entry.session_id, entry.user_id}) {
    if (!detail::is_utf8(text)) return false;
  }
  const Result<json::Value> event = json::parse(entry.event);
  return event && event->find_string("eventId") != nullptr;
}

/// The event of a frame in the log of this number, as it was written by a process with the clock
/// `writer` and is read by one with `reader`.
[[nodiscard]] inline ReadEvent read_event(const Frame& frame, std::uint32_t log,
                                          const BootClock& writer, const BootClock& reader,
                                          std::chrono::milliseconds max_age, const Moment& now) {
  const Entry& entry = frame.entry;
  const std::optional<std::chrono::milliseconds> age = age_of(entry, writer, reader, now);
  ReadEvent read;
  read.is_expired = age && *age > max_age;
  detail::PendingEvent& event = read.event.emplace_back();
  event.text.reserve(entry.session_id.size() + entry.user_id.size() + entry.event.size());
  event.text.append(entry.session_id).append(entry.user_id).append(entry.event);
  event.session_size = static_cast<std::uint16_t>(entry.session_id.size());
  event.user_size = static_cast<std::uint16_t>(entry.user_id.size());
  event.may_have_been_delivered = (entry.flags & kMayHaveBeenDelivered) != 0;
  event.time_is_ours = (entry.flags & kTimeIsOurs) != 0;
  event.age_is_known = age.has_value();
  event.recorded_at = now.steady - age.value_or(std::chrono::milliseconds{0});
  event.log = log;
  event.place = frame.sequence;
  return read;
}

/// Counts of events by the hash of their session, in an amount of memory that does not grow with
/// them: a session that shares its hash with another is
/// taken for one that has events, never the other way round.
class SessionCounts {
 public:
  /// `bytes` is what the counts may take, once there is an event; at least 4 KiB are taken.
  explicit SessionCounts(std::size_t bytes)
      : size_(std::max<std::size_t>(bytes / sizeof(std::uint32_t), 1024)) {}

  void add(std::string_view session_id) {
    if (counts_.empty()) counts_.resize(size_);
    ++counts_[place_of(session_id)];
    ++sum_;
  }
  void remove(std::string_view session_id) {
    if (!contains(session_id)) return;
    --counts_[place_of(session_id)];
    --sum_;
  }
  void clear() {
    counts_.clear();
    sum_ = 0;
  }

  /// Whether an event of the session may be counted.
  [[nodiscard]] bool contains(std::string_view session_id) const {
    return sum_ > 0 && counts_[place_of(session_id)] > 0;
  }

 private:
  [[nodiscard]] std::size_t place_of(std::string_view session_id) const {
    return std::hash<std::string_view>{}(session_id) % size_;
  }

  std::size_t size_;
  std::uint64_t sum_{0};
  std::vector<std::uint32_t> counts_{};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
