// SPDX-License-Identifier: Apache-2.0
//
// Segments: the format of the files of a spool's log: a header, then frames, one for each event;
// and the scanner that finds the frames, whatever happened to the file. Pure functions on bytes.
//
// All numbers are little-endian. The first 16 bytes of the header and its checksum mean the same in
// every version, so that a reader distinguishes a file of another version, which it leaves,
// from a damaged one. A change of the form needs a new version.
//
//   header    size  content
//   0         8     magic: FA 70 65 73 65 67 0A FB
//   8         4     version: 2
//   12        4     n, the size of the body: at most 8192
//   16        n     body
//     16      8     the lowest sequence of its frames
//     24      4     generation: 0, and one more after each rewrite
//     28      4     salt: of the checksums of the writer's frames
//     32      12    sizes of the six texts, two bytes each
//     44      ...   writer, boot identity, then the scope: region, endpoint, account, tracking id
//   16+n      4     CRC-32C of the 16+n bytes before it
//
//   frame     size  content
//   0         4     magic: FA 70 65 FB, which never occurs in UTF-8
//   4         4     n, the size of the payload: 6 to 131 072
//   8         8     sequence: ascending over all segments of one writer, with gaps
//   16        4     flags: kMayHaveBeenDelivered and those below it. Unknown flags are ignored
//   20        8     boot time of the recording: milliseconds of the boot-time clock
//   28        8     wall time of the recording: milliseconds since 1970-01-01T00:00Z
//   36        n     payload
//     36      6     t, s and u: the sizes of the tracking, session and user id; u = 0: anonymous
//     42      t     tracking id
//     42+t    s     session id
//     42+t+s  u     user id
//     then    rest  the event as JSON, as it goes into the body of a request
//   36+n      4     CRC-32C of the 36+n bytes before it, begun with the writer's salt, so that a
//                   block of another file is not taken for a frame of this one
//
// The file LOCK of a writer's folder begins with the same header, so that a damaged segment header
// costs no event, and goes on with frames of kServiceClock. ".ack" files: acknowledgement.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SEGMENT_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SEGMENT_HPP

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/detail/base/crc32c.hpp"
#include "personalize_events/detail/base/little_endian.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

// --- Frames ---

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
/// No event: `event` lists events that completed (acknowledgement.hpp).
inline constexpr std::uint32_t kCompleted = 32U;
/// The frames that have no event.
inline constexpr std::uint32_t kNoEvent = kEndOfSegment | kServiceClock | kCompleted;

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

/// Reads the frame at the start of `bytes`, written with this salt, and never beyond them. The
/// result refers to them.
[[nodiscard]] constexpr Frame decode_frame(std::string_view bytes, std::uint32_t salt) noexcept {
  Frame frame;
  const std::string_view magic = bytes.substr(0, kFrameMagic.size());
  if (magic != kFrameMagic.substr(0, magic.size())) return frame;
  // The length may be there already, and wrong.
  const bool has_length = bytes.size() >= 8;
  const std::size_t payload =
      has_length ? detail::load_little_endian<std::uint32_t>(bytes, 4) : kPayloadHeadSize;
  if (payload < kPayloadHeadSize || payload > kMaxPayloadSize) return frame;
  frame.size = kFrameHeadSize + payload + kFrameCrcSize;
  frame.state = bytes.size() < frame.size ? FrameState::Torn : FrameState::Broken;
  if (frame.state == FrameState::Torn) return frame;
  const std::string_view summed = bytes.substr(0, frame.size - kFrameCrcSize);
  const auto crc = detail::load_little_endian<std::uint32_t>(bytes, summed.size());
  if (crc != detail::crc32c(summed, salt)) return frame;
  frame.sequence = detail::load_little_endian<std::uint64_t>(bytes, 8);
  frame.entry.flags = detail::load_little_endian<std::uint32_t>(bytes, 16);
  frame.entry.boot_ms =
      static_cast<std::int64_t>(detail::load_little_endian<std::uint64_t>(bytes, 20));
  frame.entry.wall_ms =
      static_cast<std::int64_t>(detail::load_little_endian<std::uint64_t>(bytes, 28));
  const std::string_view lengths = summed.substr(kFrameHeadSize);
  std::string_view rest = lengths.substr(kPayloadHeadSize);
  std::size_t at = 0;
  for (std::string_view* id :
       {&frame.entry.tracking_id, &frame.entry.session_id, &frame.entry.user_id}) {
    const std::size_t length = detail::load_little_endian<std::uint16_t>(lengths, at);
    if (length > rest.size()) return frame;
    *id = rest.substr(0, length);
    rest.remove_prefix(length);
    at += 2;
  }
  frame.entry.event = rest;
  frame.state = FrameState::Whole;
  return frame;
}

// --- The header ---

inline constexpr std::string_view kSegmentMagic = "\xfapeseg\n\xfb";
inline constexpr std::uint32_t kFormatVersion = 2;
inline constexpr std::size_t kHeaderHeadSize = 16;
inline constexpr std::size_t kHeaderBodyHeadSize = 28;
inline constexpr std::size_t kMaxHeaderBodySize = 8192;
inline constexpr std::size_t kMaxHeaderSize = kHeaderHeadSize + kMaxHeaderBodySize + 4;

/// Whose events a spool holds. A recorder adopts only logs of the same scope.
struct Scope {
  std::string region{};
  std::string endpoint{};
  std::string account{};
  std::string tracking_id{};

  [[nodiscard]] bool operator==(const Scope& other) const noexcept {
    return region == other.region && endpoint == other.endpoint && account == other.account &&
           tracking_id == other.tracking_id;
  }
};

/// Who wrote a segment, and for whom.
struct SegmentHeader {
  std::uint64_t first_sequence{1};
  std::uint32_t generation{0};
  std::uint32_t salt{0};
  std::string writer{};
  /// Platform::boot_identity of the writer; empty: unknown.
  std::string boot{};
  Scope scope{};
};

namespace segment_detail {

/// The texts of a header, in their order.
template <class Header, class Text>
[[nodiscard]] std::array<Text*, 6> texts_of(Header& header) noexcept {
  return {&header.writer,         &header.boot,          &header.scope.region,
          &header.scope.endpoint, &header.scope.account, &header.scope.tracking_id};
}

}  // namespace segment_detail

/// Appends a header. Returns false, and appends nothing, if its texts are too long.
[[nodiscard]] inline bool append_header(std::string& out, const SegmentHeader& header) {
  const auto texts = segment_detail::texts_of<const SegmentHeader, const std::string>(header);
  std::size_t body = kHeaderBodyHeadSize;
  for (const std::string* text : texts) {
    if (text->size() > kMaxHeaderBodySize - body) return false;
    body += text->size();
  }
  const std::size_t start = out.size();
  out.append(kSegmentMagic);
  detail::append_little_endian(out, kFormatVersion);
  detail::append_little_endian(out, static_cast<std::uint32_t>(body));
  detail::append_little_endian(out, header.first_sequence);
  detail::append_little_endian(out, header.generation);
  detail::append_little_endian(out, header.salt);
  for (const std::string* text : texts) {
    detail::append_little_endian(out, static_cast<std::uint16_t>(text->size()));
  }
  for (const std::string* text : texts) out.append(*text);
  const std::uint32_t crc = detail::crc32c(std::string_view{out}.substr(start));
  detail::append_little_endian(out, crc);
  return true;
}

/// What is at the start of a file.
enum class HeaderState : std::uint8_t {
  Good,
  OtherVersion,  ///< Whole, of a version that this reader does not know: leave it, and report it.
  Torn,          ///< The file ends before its header does.
  Damaged,
};

/// A header as decode_header found it.
struct DecodedHeader {
  HeaderState state{HeaderState::Damaged};
  /// Of a good one: where the frames begin.
  std::size_t size{0};
  SegmentHeader header{};
};

/// Reads the header of a file from its first kMaxHeaderSize bytes, or all that it has.
[[nodiscard]] inline DecodedHeader decode_header(std::string_view bytes) {
  DecodedHeader decoded;
  const std::string_view magic = bytes.substr(0, kSegmentMagic.size());
  if (magic != kSegmentMagic.substr(0, magic.size())) return decoded;
  const bool has_head = bytes.size() >= kHeaderHeadSize;
  const std::size_t body = has_head ? detail::load_little_endian<std::uint32_t>(bytes, 12) : 0;
  if (body > kMaxHeaderBodySize) return decoded;
  decoded.size = kHeaderHeadSize + body + 4;
  if (bytes.size() < decoded.size) decoded.state = HeaderState::Torn;
  if (bytes.size() < decoded.size) return decoded;
  const std::string_view summed = bytes.substr(0, kHeaderHeadSize + body);
  const auto crc = detail::load_little_endian<std::uint32_t>(bytes, summed.size());
  if (crc != detail::crc32c(summed)) return decoded;
  const auto version = detail::load_little_endian<std::uint32_t>(bytes, 8);
  if (version != kFormatVersion) decoded.state = HeaderState::OtherVersion;
  if (version != kFormatVersion || body < kHeaderBodyHeadSize) return decoded;
  std::size_t at = kHeaderHeadSize + kHeaderBodyHeadSize;
  std::size_t length_at = 32;
  SegmentHeader& header = decoded.header;
  for (std::string* text : segment_detail::texts_of<SegmentHeader, std::string>(header)) {
    const std::size_t size = detail::load_little_endian<std::uint16_t>(bytes, length_at);
    if (size > summed.size() - at) return decoded;
    text->assign(summed.substr(at, size));
    at += size;
    length_at += 2;
  }
  if (at != summed.size()) return decoded;
  header.first_sequence = detail::load_little_endian<std::uint64_t>(bytes, kHeaderHeadSize);
  header.generation = detail::load_little_endian<std::uint32_t>(bytes, 24);
  header.salt = detail::load_little_endian<std::uint32_t>(bytes, 28);
  decoded.state = HeaderState::Good;
  return decoded;
}

/// The result of SegmentScanner::next.
enum class ScanStep : std::uint8_t {
  Frame,
  NeedMore,  ///< Give a window that begins at position() and goes further.
  End,
};

/// Finds the frames of a segment through windows of its bytes. After a broken frame it goes on at
/// the next whole one whose sequence is higher than that of the last.
class SegmentScanner {
 public:
  /// `offset` is where the frames begin: after the header, or 0 if that is damaged.
  SegmentScanner(std::uint32_t salt, std::uint64_t first_sequence, std::uint64_t offset) noexcept
      : salt_(salt), position_(offset), next_sequence_(first_sequence) {}

  /// Where in the file the next window must begin.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// The sequence after the last frame that was found.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  /// Stretches of bytes that hold no whole frame and are followed by one, or are no torn tail.
  [[nodiscard]] std::uint64_t damaged_stretches() const noexcept { return damaged_stretches_; }
  /// At the end: where the frame begins that was not written to its end. Nothing whole follows.
  [[nodiscard]] std::optional<std::uint64_t> torn_at() const noexcept { return torn_at_; }

  /// Finds the next frame, which refers to `window`: bytes of the file from position() on.
  /// `is_last` says that they reach its end; a window that does not holds kMaxFrameSize bytes or
  /// more.
  [[nodiscard]] ScanStep next(std::string_view window, bool is_last, Frame& frame) {
    std::size_t at = 0;
    while (at < window.size()) {
      const Frame found = decode_frame(window.substr(at), salt_);
      const std::uint64_t offset = position_ + at;
      if (found.state == FrameState::Whole && found.sequence >= next_sequence_) {
        close_gap();
        next_sequence_ = found.sequence + 1;
        position_ = offset + found.size;
        frame = found;
        return ScanStep::Frame;
      }
      if (found.state == FrameState::Torn && !is_last) break;
      if (!gap_) gap_ = Gap{offset, found.state == FrameState::Torn};
      at = (std::min)(window.find(kFrameMagic.front(), at + 1), window.size());
    }
    position_ += at;
    if (!is_last) return ScanStep::NeedMore;
    if (gap_ && gap_->is_torn) {
      torn_at_ = gap_->offset;
      gap_.reset();
    }
    close_gap();
    return ScanStep::End;
  }

 private:
  struct Gap {
    std::uint64_t offset;
    bool is_torn;
  };

  void close_gap() noexcept {
    damaged_stretches_ += gap_ ? 1U : 0U;
    gap_.reset();
  }

  std::uint32_t salt_;
  std::uint64_t position_;
  std::uint64_t next_sequence_;
  std::uint64_t damaged_stretches_{0};
  std::optional<Gap> gap_{};
  std::optional<std::uint64_t> torn_at_{};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
