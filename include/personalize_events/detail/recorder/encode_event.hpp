// SPDX-License-Identifier: Apache-2.0
//
// EventEncoder: makes a PendingEvent of a recorded event: with an id and a time, written as JSON
// once. It reuses its buffers, so that encoding allocates the event and nothing else. Also what
// checks an event before, and what corrects its time later. RecorderCore uses all of them.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_ENCODE_EVENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_ENCODE_EVENT_HPP

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/recorder/pending_event.hpp"
#include "personalize_events/detail/retry/attempt.hpp"
#include "personalize_events/detail/wire/descriptions.hpp"
#include "personalize_events/detail/wire/path.hpp"
#include "personalize_events/detail/wire/validate.hpp"
#include "personalize_events/detail/wire/write.hpp"
#include "personalize_events/event_sink.hpp"
#include "personalize_events/model/event_id.hpp"
#include "personalize_events/model/put_events.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::model {

template <>
struct Description<Session> {
  static constexpr std::string_view name = "Session";
  static constexpr bool is_sensitive = false;
  static constexpr auto members = std::make_tuple(
      member("sessionId", &Session::session_id, kSessionId.required()),
      // An empty user ID: anonymous.
      member("userId", &Session::user_id, text(0, kUserId.length.most).sensitive()));
};

}  // namespace detail::model

namespace detail {

/// Checks what an application records. Errors: InvalidArgument, `where` is the member's wire name:
/// "sessionId", "itemId", "impression[3]".
[[nodiscard]] inline Result<void> check_recorded(const Session& session, const Event& event,
                                                 Validation validation) {
  const wire::Validator validator{validation};
  const wire::Path path;
  if (auto valid = validator.validate(session, path); !valid) return valid;
  if (auto valid = validator.validate(event, path); !valid) return valid;
  // Their sizes are kept in 16 bits, whatever the validation lets pass.
  constexpr std::size_t longest = 0xffffU;
  if (session.session_id.size() > longest) {
    return path.member("sessionId").refuse("longer than 65 535 bytes");
  }
  if (session.user_id && session.user_id->size() > longest) {
    return path.member("userId").refuse("longer than 65 535 bytes");
  }
  return {};
}

/// Encodes events. The buffers are kept for the next caller; a concurrent caller makes others.
/// Thread-safe, without a lock.
class EventEncoder {
 public:
  EventEncoder() = default;
  EventEncoder(const EventEncoder&) = delete;
  EventEncoder& operator=(const EventEncoder&) = delete;
  ~EventEncoder() { delete spare_.load(); }

  /// The event as the recorder keeps it, in a new list; adds an absent ID and time.
  /// Errors: InvalidArgument: a value cannot be written as JSON. check_recorded comes first.
  [[nodiscard]] Result<PendingEvents> encode(const Session& session, const Event& event,
                                             Platform& platform) {
    std::unique_ptr<Buffers> buffers{spare_.exchange(nullptr)};
    if (buffers == nullptr) buffers = std::make_unique<Buffers>();
    buffers->defaults.platform = &platform;
    buffers->defaults.time = platform.now();
    buffers->text.assign(session.session_id);
    if (session.user_id) buffers->text.append(*session.user_id);
    buffers->writer.reset();
    buffers->shapes.reset();
    buffers->shapes.write(event);
    PendingEvents one;
    PendingEvent& pending = one.emplace_back();
    pending.session_size = static_cast<std::uint16_t>(session.session_id.size());
    pending.user_size = static_cast<std::uint16_t>(session.user_id ? session.user_id->size() : 0);
    pending.recorded_at = platform.steady_now();
    pending.time_is_ours = !event.sent_at.has_value();
    pending.text = buffers->text;  // a copy that is as long as it needs to be
    const bool is_good = buffers->shapes.good();
    const std::unique_ptr<Buffers> surplus{spare_.exchange(buffers.release())};
    if (is_good) return one;
    return make_error(ErrorKind::InvalidArgument, "event", "a value cannot be written as JSON");
  }

 private:
  /// The id and the time of events without them.
  struct Defaults {
    Platform* platform{nullptr};
    std::chrono::system_clock::time_point time{};
    /// The random bytes of sixteen ids, because each request for some is a system call.
    std::array<unsigned char, sizeof(UuidBytes) * 16U> pool{};
    std::size_t used{pool.size()};

    [[nodiscard]] UuidText event_id() {
      if (used == pool.size()) {
        platform->random_bytes(pool.data(), pool.size());
        used = 0;
      }
      UuidBytes random{};
      std::copy_n(pool.begin() + used, random.size(), random.begin());
      used += random.size();
      return event_id_text(time, random);
    }
    [[nodiscard]] std::chrono::system_clock::time_point now() const { return time; }
  };
  struct Buffers {
    std::string text{};
    json::Writer writer{text};
    Defaults defaults{};
    wire::ShapeWriter<Defaults> shapes{writer, defaults};
  };

  std::atomic<Buffers*> spare_{nullptr};
};

/// Replaces "sentAt" by `recorded`, if the library stamped the event by a clock that was wrong by
/// kClockSkewLimit or more, the event's age is known, and no request carried it yet. Returns
/// whether it did.
inline bool correct_sent_at(PendingEvent& event, std::chrono::system_clock::time_point recorded) {
  const bool was_sent = event.attempts > 0 || event.may_have_been_delivered;
  if (!event.time_is_ours || !event.age_is_known || was_sent) return false;
  // The encoder writes the member once; within strings its quotes are escaped.
  constexpr std::string_view key = "\"sentAt\":";
  const std::size_t found = event.json().find(key);
  if (found == std::string_view::npos) return false;
  const std::size_t begin = event.text.size() - event.json().size() + found + key.size();
  const std::size_t end = event.text.find_first_of(",}", begin);
  if (end == std::string::npos) return false;
  const auto seconds = parse_double(std::string_view{event.text}.substr(begin, end - begin));
  const double right = std::chrono::duration<double>(recorded.time_since_epoch()).count();
  const double limit = std::chrono::duration<double>(retry::kClockSkewLimit).count();
  if (!seconds || (right - *seconds < limit && *seconds - right < limit)) return false;
  event.text.replace(begin, end - begin, format_epoch_seconds(recorded));
  return true;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
