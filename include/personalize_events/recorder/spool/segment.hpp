// SPDX-License-Identifier: Apache-2.0
//
// Segments: the header that a file of the spool begins with, and the scanner that finds the frames
// (frame.hpp) after it, whatever happened to the file. Pure functions on bytes; segment writer and
// reader use them.
//
// All numbers are little-endian. The first 16 bytes and the checksum mean the same in every
// version, so a reader tells a newer file, which it leaves and reports, from a damaged one:
//
//   offset  size  what
//   0       8     magic: FA 70 65 73 65 67 0A FB
//   8       4     version: 1
//   12      4     n, the bytes of the body: at most 8192
//   16      n     body
//     16    8     the sequence of the first frame; the others follow by one
//     24    8     w, r, e, a: the bytes of the four texts, two bytes each
//     32    ...   writer (a UUID), then the scope: region, endpoint, account label
//   16+n    4     CRC-32C of the 16+n bytes before it
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "personalize_events/detail/crc32c.hpp"
#include "personalize_events/detail/little_endian.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

inline constexpr std::string_view kSegmentMagic = "\xfapeseg\n\xfb";
inline constexpr std::uint32_t kFormatVersion = 1;
inline constexpr std::size_t kHeaderHeadSize = 16;
inline constexpr std::size_t kHeaderBodyHeadSize = 16;
inline constexpr std::size_t kMaxHeaderBodySize = 8192;
inline constexpr std::size_t kMaxHeaderSize = kHeaderHeadSize + kMaxHeaderBodySize + 4;

/// Who wrote a segment, and for whom.
struct SegmentHeader {
  std::uint64_t first_sequence{1};
  std::string writer{};
  std::string region{};
  std::string endpoint{};
  std::string account{};
};

/// Appends a header; false, and nothing is appended, when its texts are too long.
[[nodiscard]] inline bool append_header(std::string& out, const SegmentHeader& header) {
  std::size_t body = kHeaderBodyHeadSize;
  for (const std::string* text :
       {&header.writer, &header.region, &header.endpoint, &header.account}) {
    if (text->size() > kMaxHeaderBodySize - body) return false;
    body += text->size();
  }
  const std::size_t start = out.size();
  out.append(kSegmentMagic);
  detail::append_little_endian(out, kFormatVersion);
  detail::append_little_endian(out, static_cast<std::uint32_t>(body));
  detail::append_little_endian(out, header.first_sequence);
  for (const std::string* text :
       {&header.writer, &header.region, &header.endpoint, &header.account}) {
    detail::append_little_endian(out, static_cast<std::uint16_t>(text->size()));
  }
  out.append(header.writer).append(header.region);
  out.append(header.endpoint).append(header.account);
  const std::uint32_t crc = detail::crc32c(std::string_view{out}.substr(start));
  detail::append_little_endian(out, crc);
  return true;
}

/// What stands at the start of a file.
enum class HeaderState : std::uint8_t {
  Good,
  Newer,    ///< Whole, of a version that this reader does not know: leave it, and report it.
  Torn,     ///< The file ends before its header does, so it holds no frame.
  Damaged,  ///< For quarantine.
};

/// A header as decode_header found it.
struct DecodedHeader {
  HeaderState state{HeaderState::Damaged};
  /// Of a good one: where the frames begin.
  std::size_t size{0};
  SegmentHeader header{};
};

/// Reads the header of a file from its first kMaxHeaderSize bytes, or all it has.
[[nodiscard]] inline DecodedHeader decode_header(std::string_view bytes) {
  DecodedHeader decoded;
  const std::string_view magic = bytes.substr(0, kSegmentMagic.size());
  if (magic != kSegmentMagic.substr(0, magic.size())) return decoded;
  if (bytes.size() < kHeaderHeadSize) {
    decoded.state = HeaderState::Torn;
    return decoded;
  }
  const std::size_t body = detail::load_little_endian<std::uint32_t>(bytes, 12);
  if (body > kMaxHeaderBodySize) return decoded;
  if (bytes.size() < kHeaderHeadSize + body + 4) {
    decoded.state = HeaderState::Torn;
    return decoded;
  }
  const std::string_view summed = bytes.substr(0, kHeaderHeadSize + body);
  const auto crc = detail::load_little_endian<std::uint32_t>(bytes, summed.size());
  if (crc != detail::crc32c(summed)) return decoded;
  const auto version = detail::load_little_endian<std::uint32_t>(bytes, 8);
  if (version > kFormatVersion) {
    decoded.state = HeaderState::Newer;
    return decoded;
  }
  if (version == 0 || body < kHeaderBodyHeadSize) return decoded;
  std::size_t at = kHeaderHeadSize + kHeaderBodyHeadSize;
  std::size_t length_at = 24;
  SegmentHeader& header = decoded.header;
  for (std::string* text : {&header.writer, &header.region, &header.endpoint, &header.account}) {
    const std::size_t size = detail::load_little_endian<std::uint16_t>(bytes, length_at);
    if (size > summed.size() - at) return decoded;
    text->assign(summed.substr(at, size));
    at += size;
    length_at += 2;
  }
  if (at != summed.size()) return decoded;
  header.first_sequence = detail::load_little_endian<std::uint64_t>(bytes, kHeaderHeadSize);
  decoded.size = summed.size() + 4;
  decoded.state = HeaderState::Good;
  return decoded;
}

/// What SegmentScanner::next came to.
enum class ScanStep : std::uint8_t {
  Frame,
  NeedMore,  ///< Give a window that begins at position() and goes further.
  End,
};

/// Finds the frames of a segment through windows of its bytes. After a broken frame it goes on at
/// the next whole one. It believes a frame only when its sequence can stand where it does, so that
/// old blocks of another file are not taken for this one's.
class SegmentScanner {
 public:
  /// `offset` is where the frames begin, after the header.
  SegmentScanner(std::uint64_t first_sequence, std::uint64_t offset) noexcept
      : position_(offset), next_sequence_(first_sequence) {}

  /// Where in the file the next window must begin.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// The sequence after the last frame that was found.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  /// Frames that were lost to damage, as the sequences of their neighbours tell; a stretch that
  /// nothing whole follows counts as one.
  [[nodiscard]] std::uint64_t broken_frames() const noexcept { return broken_frames_; }
  [[nodiscard]] std::uint64_t broken_bytes() const noexcept { return broken_bytes_; }
  /// At the end: where the frame begins that was not written to its end. Nothing whole follows.
  [[nodiscard]] std::optional<std::uint64_t> torn_at() const noexcept { return torn_at_; }

  /// The next frame, which refers to `window`: bytes of the file from position() on. `is_last` says
  /// that they reach its end; a window that does not holds kMaxFrameSize bytes or more.
  [[nodiscard]] ScanStep next(std::string_view window, bool is_last, Frame& frame) {
    std::size_t at = 0;
    while (at < window.size()) {
      const Frame found = decode_frame(window.substr(at));
      const std::uint64_t offset = position_ + at;
      if (found.state == FrameState::Whole && fits(found.sequence, offset)) {
        close_gap(offset, found.sequence - next_sequence_);
        next_sequence_ = found.sequence + 1;
        position_ = offset + found.size;
        frame = found;
        return ScanStep::Frame;
      }
      if (found.state == FrameState::Torn && !is_last) break;
      if (!gap_) gap_ = Gap{offset, found.state == FrameState::Torn};
      at = std::min(window.find(kFrameMagic.front(), at + 1), window.size());
    }
    position_ += at;
    if (!is_last) return ScanStep::NeedMore;
    if (gap_ && gap_->is_torn) {
      torn_at_ = gap_->offset;
      gap_.reset();
    }
    close_gap(position_, 1);
    return ScanStep::End;
  }

 private:
  struct Gap {
    std::uint64_t offset;
    bool is_torn;
  };

  /// A frame follows its predecessor; after a gap, as many may be missing as the gap had room for.
  [[nodiscard]] bool fits(std::uint64_t sequence, std::uint64_t offset) const noexcept {
    const std::uint64_t room = gap_ ? (offset - gap_->offset) / kMinFrameSize : 0;
    return sequence >= next_sequence_ && sequence - next_sequence_ <= room;
  }

  void close_gap(std::uint64_t end, std::uint64_t missing) noexcept {
    if (!gap_) return;
    broken_bytes_ += end - gap_->offset;
    broken_frames_ += missing;
    gap_.reset();
  }

  std::uint64_t position_;
  std::uint64_t next_sequence_;
  std::uint64_t broken_frames_{0};
  std::uint64_t broken_bytes_{0};
  std::optional<Gap> gap_{};
  std::optional<std::uint64_t> torn_at_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
