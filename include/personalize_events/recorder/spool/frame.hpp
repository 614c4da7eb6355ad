// SPDX-License-Identifier: Apache-2.0
//
// Frames: how one accepted event stands in a segment of the spool. The segment writer appends them,
// the segment scanner reads them. Pure functions on bytes.
//
// All numbers are little-endian. A frame of version 1 (the version stands in the segment's header,
// segment.hpp):
//
//   offset    size  what
//   0         4     magic: FA 70 65 FB, which never stands in UTF-8
//   4         4     n, the bytes of the payload: 14 to 131 072
//   8         8     sequence: 1, 2, 3, ... over all segments of one writer
//   16        4     flags: bit 0, the service may have the event already. Others are written as 0
//                   and ignored when read
//   20        n     payload
//     20      8     when the event was recorded: milliseconds since 1970-01-01T00:00Z, two's
//                   complement
//     28      2     t, the bytes of the tracking id
//     30      2     s, the bytes of the session id
//     32      2     u, the bytes of the user id; 0: anonymous
//     34      t     tracking id
//     34+t    s     session id
//     34+t+s  u     user id
//     then    rest  the event as JSON, as it goes into the body of a request
//   20+n      4     CRC-32C of the 20+n bytes before it
//
// What does not fit version 1 needs a new version. A segment of a newer version than the reader's
// is left as it is, and reported.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_FRAME_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_FRAME_HPP

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "personalize_events/detail/crc32c.hpp"
#include "personalize_events/detail/little_endian.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

inline constexpr std::string_view kFrameMagic = "\xfape\xfb";
inline constexpr std::size_t kFrameHeadSize = 20;
inline constexpr std::size_t kFrameCrcSize = 4;
/// Of the payload: the time and three lengths.
inline constexpr std::size_t kPayloadHeadSize = 14;
inline constexpr std::size_t kMaxPayloadSize = 131'072;
inline constexpr std::size_t kMinFrameSize = kFrameHeadSize + kPayloadHeadSize + kFrameCrcSize;
inline constexpr std::size_t kMaxFrameSize = kFrameHeadSize + kMaxPayloadSize + kFrameCrcSize;
inline constexpr std::size_t kMaxIdSize = 65'535;

/// Of Entry::flags: the service may have the event, so it was sent before.
inline constexpr std::uint32_t kMayHaveBeenDelivered = 1U;

/// What a frame says. The texts are somebody else's: the caller's, or the bytes that were decoded.
struct Entry {
  std::uint32_t flags{0};
  std::int64_t recorded_at_ms{0};
  std::string_view tracking_id{};
  std::string_view session_id{};
  std::string_view user_id{};
  std::string_view event{};
};

/// The bytes that an entry takes as a frame; 0 when it is too large for one.
[[nodiscard]] constexpr std::size_t frame_size(const Entry& entry) noexcept {
  std::size_t payload = kPayloadHeadSize;
  for (const std::string_view id : {entry.tracking_id, entry.session_id, entry.user_id}) {
    if (id.size() > kMaxIdSize) return 0;
    payload += id.size();
  }
  if (payload > kMaxPayloadSize || entry.event.size() > kMaxPayloadSize - payload) return 0;
  return kFrameHeadSize + payload + entry.event.size() + kFrameCrcSize;
}

/// Appends an entry as a frame; false, and nothing is appended, when it is too large for one.
[[nodiscard]] inline bool append_frame(std::string& out, std::uint64_t sequence,
                                       const Entry& entry) {
  const std::size_t size = frame_size(entry);
  if (size == 0) return false;
  const std::size_t start = out.size();
  out.append(kFrameMagic);
  const std::size_t payload = size - kFrameHeadSize - kFrameCrcSize;
  detail::append_little_endian(out, static_cast<std::uint32_t>(payload));
  detail::append_little_endian(out, sequence);
  detail::append_little_endian(out, entry.flags);
  detail::append_little_endian(out, static_cast<std::uint64_t>(entry.recorded_at_ms));
  detail::append_little_endian(out, static_cast<std::uint16_t>(entry.tracking_id.size()));
  detail::append_little_endian(out, static_cast<std::uint16_t>(entry.session_id.size()));
  detail::append_little_endian(out, static_cast<std::uint16_t>(entry.user_id.size()));
  out.append(entry.tracking_id).append(entry.session_id).append(entry.user_id);
  out.append(entry.event);
  const std::uint32_t crc = detail::crc32c(std::string_view{out}.substr(start));
  detail::append_little_endian(out, crc);
  return true;
}

/// What stands at the start of some bytes.
enum class FrameState : std::uint8_t {
  Whole,   ///< A frame with a good checksum.
  Torn,    ///< The bytes end before the frame does.
  Broken,  ///< No frame, or a damaged one.
};

/// A frame as decode_frame found it.
struct Frame {
  FrameState state{FrameState::Broken};
  /// What follows is known of a whole frame only.
  std::size_t size{0};
  std::uint64_t sequence{0};
  Entry entry{};
};

namespace frame_detail {

/// Splits a payload; false when its lengths do not fit. Precondition: it has its head.
[[nodiscard]] constexpr bool read_payload(std::string_view payload, Entry& entry) noexcept {
  entry.recorded_at_ms =
      static_cast<std::int64_t>(detail::load_little_endian<std::uint64_t>(payload, 0));
  const std::size_t tracking = detail::load_little_endian<std::uint16_t>(payload, 8);
  const std::size_t session = detail::load_little_endian<std::uint16_t>(payload, 10);
  const std::size_t user = detail::load_little_endian<std::uint16_t>(payload, 12);
  const std::string_view texts = payload.substr(kPayloadHeadSize);
  if (tracking + session + user > texts.size()) return false;
  entry.tracking_id = texts.substr(0, tracking);
  entry.session_id = texts.substr(tracking, session);
  entry.user_id = texts.substr(tracking + session, user);
  entry.event = texts.substr(tracking + session + user);
  return true;
}

}  // namespace frame_detail

/// Reads the frame that begins with `bytes`, and never beyond them. What it answers refers to them.
[[nodiscard]] constexpr Frame decode_frame(std::string_view bytes) noexcept {
  Frame frame;
  const std::string_view magic = bytes.substr(0, kFrameMagic.size());
  if (magic != kFrameMagic.substr(0, magic.size())) return frame;
  if (bytes.size() < kFrameHeadSize) {
    frame.state = FrameState::Torn;
    // The length may be there already, and wrong.
    if (bytes.size() < 8) return frame;
  }
  const std::size_t payload = detail::load_little_endian<std::uint32_t>(bytes, 4);
  if (payload < kPayloadHeadSize || payload > kMaxPayloadSize) {
    frame.state = FrameState::Broken;
    return frame;
  }
  const std::size_t size = kFrameHeadSize + payload + kFrameCrcSize;
  if (bytes.size() < size) {
    frame.state = FrameState::Torn;
    return frame;
  }
  const std::string_view summed = bytes.substr(0, size - kFrameCrcSize);
  if (detail::load_little_endian<std::uint32_t>(bytes, summed.size()) != detail::crc32c(summed)) {
    return frame;
  }
  frame.sequence = detail::load_little_endian<std::uint64_t>(bytes, 8);
  frame.entry.flags = detail::load_little_endian<std::uint32_t>(bytes, 16);
  if (!frame_detail::read_payload(summed.substr(kFrameHeadSize), frame.entry)) return frame;
  frame.size = size;
  frame.state = FrameState::Whole;
  return frame;
}

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
