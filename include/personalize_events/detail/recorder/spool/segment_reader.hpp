// SPDX-License-Identifier: Apache-2.0
//
// SegmentReader: the frames of a segment's file, through one window, so that memory stays limited
// whatever the backlog. A log reads its own segments back with it, and those of orphaned writers.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SEGMENT_READER_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_SEGMENT_READER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/recorder/spool/segment.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

/// The bytes of a segment that are in memory at a time.
inline constexpr std::size_t kReadWindow = 262'144;
static_assert(kReadWindow >= kMaxFrameSize, "the scanner asks for a whole frame");

/// Codes of errors about a file's header.
inline constexpr const char* kOtherVersion = "OtherVersion";
inline constexpr const char* kDamaged = "Damaged";
inline constexpr const char* kTorn = "Torn";

/// Reads the header of a file. Errors: Storage, with the code kOtherVersion (leave the file), kTorn
/// (the file ends before its header does) or kDamaged, or as of File.
[[nodiscard]] inline Result<DecodedHeader> read_header(File& file, const std::string& path) {
  std::string bytes(kMaxHeaderSize, '\0');
  const Result<std::size_t> got = file.read_at(0, bytes.data(), bytes.size());
  if (!got) return got.error();
  DecodedHeader header = decode_header(std::string_view{bytes}.substr(0, *got));
  if (header.state == HeaderState::Good) return header;
  const bool is_other = header.state == HeaderState::OtherVersion;
  Error error = detail::make_error(
      ErrorKind::Storage, path,
      is_other ? "was written by another version of the library; read it with that one"
               : "has no whole header");
  error.code = is_other ? kOtherVersion : header.state == HeaderState::Torn ? kTorn : kDamaged;
  return error;
}

/// Not thread-safe.
class SegmentReader {
 public:
  /// Opens a segment. If its header is damaged, that of the writer's LOCK file takes its place, if
  /// there is one, and the frames are searched for. Errors: as read_header.
  [[nodiscard]] static Result<SegmentReader> open(FileSystem& files, const std::string& path,
                                                  const SegmentHeader* writer = nullptr) {
    Result<std::unique_ptr<File>> file = files.open(path, OpenFor::Read);
    if (!file) return std::move(file).error();
    const Result<FileStatus> status = (*file)->status();
    if (!status) return status.error();
    Result<DecodedHeader> header = read_header(**file, path);
    if (header) {
      return SegmentReader{*std::move(file), status->size, *std::move(header), HeaderState::Good};
    }
    const std::string& code = header.error().code;
    const bool can_search = writer != nullptr && (code == kDamaged || code == kTorn);
    if (!can_search) return std::move(header).error();
    DecodedHeader found;
    found.header = *writer;
    found.header.first_sequence = 0;
    return SegmentReader{*std::move(file), status->size, std::move(found),
                         code == kTorn ? HeaderState::Torn : HeaderState::Damaged};
  }

  [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }
  /// What the file's own header is.
  [[nodiscard]] HeaderState header_state() const noexcept { return header_state_; }

  /// Reads so many bytes of the file, which end with a whole frame: more may be appended.
  void read_up_to(std::uint64_t size) noexcept { size_ = size; }

  /// Reads the next frame; empty at the end. It is valid until the next call. Errors: Storage, as
  /// of File; a later call tries again.
  [[nodiscard]] Result<std::optional<Frame>> next() {
    for (;;) {
      const auto used = static_cast<std::size_t>(scanner_.position() - window_at_);
      const bool is_last = window_at_ + window_.size() >= size_;
      Frame frame;
      const ScanStep step = scanner_.next(std::string_view{window_}.substr(used), is_last, frame);
      if (step == ScanStep::Frame) return std::optional<Frame>{frame};
      if (step == ScanStep::End) return std::optional<Frame>{};
      if (const Result<void> filled = fill(); !filled) return filled.error();
    }
  }

  /// What was found so far: damage and, at the end, a torn tail.
  [[nodiscard]] const SegmentScanner& scanner() const noexcept { return scanner_; }

 private:
  SegmentReader(std::unique_ptr<File> file, std::uint64_t size, DecodedHeader&& header,
                HeaderState header_state)
      : file_(std::move(file)),
        size_(size),
        header_(std::move(header.header)),
        header_state_(header_state),
        scanner_(header_.salt, header_.first_sequence, header.size),
        window_at_(header.size) {}

  /// Moves the window to the scanner's position.
  [[nodiscard]] Result<void> fill() {
    window_at_ = scanner_.position();
    const std::uint64_t rest = size_ - window_at_;
    window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kReadWindow, rest)));
    const Result<std::size_t> got = file_->read_at(window_at_, window_.data(), window_.size());
    const std::size_t filled = got.value_or(0);
    // The file was cut meanwhile.
    if (got && filled < window_.size()) size_ = window_at_ + filled;
    window_.resize(filled);
    if (!got) return got.error();
    return {};
  }

  std::unique_ptr<File> file_;
  std::uint64_t size_;
  SegmentHeader header_;
  HeaderState header_state_;
  SegmentScanner scanner_;
  std::uint64_t window_at_;  ///< where in the file the window begins
  std::string window_{};
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
