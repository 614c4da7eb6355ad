// SPDX-License-Identifier: Apache-2.0
//
// Frames: the form of one accepted event in the log of a spool. The log appends them, the segment
// scanner reads them. Pure functions on bytes.
//
// All numbers are little-endian. A frame of version 2 (the segment's header, segment.hpp, has the
// version):
//
//   offset    size  content
//   0         4     magic: FA 70 65 FB, which never occurs in UTF-8
//   4         4     n, the size of the payload: 6 to 131 072
//   8         8     sequence: ascending over all segments of one writer, with gaps
//   16        4     flags: kMayHaveBeenDelivered and those below it. Unknown flags are ignored
//   20        8     boot time of the recording: milliseconds of the boot-time clock
//   28        8     wall time of the recording: milliseconds since 1970-01-01T00:00Z. Both times
//   are
//                   in two's complement
//   36        n     payload
//     36      2     t, the size of the tracking id
//     38      2     s, the size of the session id
//     40      2     u, the size of the user id; 0: anonymous
//     42      t     tracking id
//     42+t    s     session id
//     42+t+s  u     user id
//     then    rest  the event as JSON, as it goes into the body of a request
//   36+n      4     CRC-32C of the 36+n bytes before it, begun with the writer's salt, so that a
//                   block of another file is not taken for a frame of this one
//
// A change of this form needs a new version. A segment of another version than the reader's is left
// as it is, and reported.
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
inline constexpr std::size_t kFrameHeadSize = 36;
inline constexpr std::size_t kFrameCrcSize = 4;
/// Of the payload: three sizes.
inline constexpr std::size_t kPayloadHeadSize = 6;
inline constexpr std::size_t kMaxPayloadSize = 131'072;
inline constexpr std::size_t kMinFrameSize = kFrameHeadSize + kPayloadHeadSize + kFrameCrcSize;
inline constexpr std::size_t kMaxFrameSize = kFrameHeadSize + kMaxPayloadSize + kFrameCrcSize;
inline constexpr std::size_t kMaxIdSize = 65'535;

/// Of Entry::flags: the service may have the event, because it was sent before.
inline constexpr std::uint32_t kMayHaveBeenDelivered = 1U;
/// The event was not kept in memory when it was written, so that its writer reads it back.
inline constexpr std::uint32_t kDiskOnly = 2U;
/// The library gave the event its time, which may be corrected.
inline constexpr std::uint32_t kTimeIsOurs = 4U;
/// No event: the last frame of a segment that was rewritten.
inline constexpr std::uint32_t kEndOfSegment = 8U;
/// No event: `boot_ms` and `wall_ms` are the same moment on the boot-time clock and at the service.
inline constexpr std::uint32_t kServiceClock = 16U;

/// The content of a frame. The texts belong to the caller, or to the bytes that were decoded.
struct Entry {
  std::uint32_t flags{0};
  std::int64_t boot_ms{0};
  std::int64_t wall_ms{0};
  std::string_view tracking_id{};
  std::string_view session_id{};
  std::string_view user_id{};
  std::string_view event{};
};

/// The size of an entry as a frame; 0 if it is too large for one.
[[nodiscard]] constexpr std::size_t frame_size(const Entry& entry) noexcept {
  std::size_t payload = kPayloadHeadSize;
  for (const std::string_view id : {entry.tracking_id, entry.session_id, entry.user_id}) {
    if (id.size() > kMaxIdSize) return 0;
    payload += id.size();
  }
  if (payload > kMaxPayloadSize || entry.event.size() > kMaxPayloadSize - payload) return 0;
  return kFrameHeadSize + payload + entry.event.size() + kFrameCrcSize;
}

/// Appends an entry as a frame of the writer with this salt. Returns false, and appends nothing, if
/// the entry is too large for a frame.
[[nodiscard]] inline bool append_frame(std::string& out, std::uint32_t salt, std::uint64_t sequence,
                                       const Entry& entry) {
  const std::size_t size = frame_size(entry);
  if (size == 0) return false;
  const std::size_t start = out.size();
  out.append(kFrameMagic);
  const std::size_t payload = size - kFrameHeadSize - kFrameCrcSize;
  detail::append_little_endian(out, static_cast<std::uint32_t>(payload));
  detail::append_little_endian(out, sequence);
  detail::append_little_endian(out, entry.flags);
  detail::append_little_endian(out, static_cast<std::uint64_t>(entry.boot_ms));
  detail::append_little_endian(out, static_cast<std::uint64_t>(entry.wall_ms));
  detail::append_little_endian(out, static_cast<std::uint16_t>(entry.tracking_id.size()));
  detail::append_little_endian(out, static_cast<std::uint16_t>(entry.session_id.size()));
  detail::append_little_endian(out, static_cast<std::uint16_t>(entry.user_id.size()));
  out.append(entry.tracking_id).append(entry.session_id).append(entry.user_id);
  out.append(entry.event);
  const std::uint32_t crc = detail::crc32c(std::string_view{out}.substr(start), salt);
  detail::append_little_endian(out, crc);
  return true;
}

/// What is at the start of some bytes.
enum class FrameState : std::uint8_t {
  Whole,   ///< A frame with a good checksum.
  Torn,    ///< The bytes end before the frame does.
  Broken,  ///< No frame, or a damaged one.
};

/// A frame as decode_frame found it.
struct Frame {
  FrameState state{FrameState::Broken};
  /// Set for a whole frame, as the members below.
  std::size_t size{0};
  std::uint64_t sequence{0};
  Entry entry{};
};

namespace frame_detail {

/// Splits a payload; false when its lengths do not fit. Precondition: it has its head.
[[nodiscard]] constexpr bool read_payload(std::string_view payload, Entry& entry) noexcept {
  const std::size_t tracking = detail::load_little_endian<std::uint16_t>(payload, 0);
  const std::size_t session = detail::load_little_endian<std::uint16_t>(payload, 2);
  const std::size_t user = detail::load_little_endian<std::uint16_t>(payload, 4);
  const std::string_view texts = payload.substr(kPayloadHeadSize);
  if (tracking + session + user > texts.size()) return false;
  entry.tracking_id = texts.substr(0, tracking);
  entry.session_id = texts.substr(tracking, session);
  entry.user_id = texts.substr(tracking + session, user);
  entry.event = texts.substr(tracking + session + user);
  return true;
}

}  // namespace frame_detail

/// Reads the frame at the start of `bytes`, written with this salt, and never beyond them. The
/// result refers to them.
[[nodiscard]] constexpr Frame decode_frame(std::string_view bytes, std::uint32_t salt) noexcept {
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
  const auto crc = detail::load_little_endian<std::uint32_t>(bytes, summed.size());
  if (crc != detail::crc32c(summed, salt)) return frame;
  frame.sequence = detail::load_little_endian<std::uint64_t>(bytes, 8);
  frame.entry.flags = detail::load_little_endian<std::uint32_t>(bytes, 16);
  frame.entry.boot_ms =
      static_cast<std::int64_t>(detail::load_little_endian<std::uint64_t>(bytes, 20));
  frame.entry.wall_ms =
      static_cast<std::int64_t>(detail::load_little_endian<std::uint64_t>(bytes, 28));
  if (!frame_detail::read_payload(summed.substr(kFrameHeadSize), frame.entry)) return frame;
  frame.size = size;
  frame.state = FrameState::Whole;
  return frame;
}

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
