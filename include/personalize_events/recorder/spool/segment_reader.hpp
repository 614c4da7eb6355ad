// SPDX-License-Identifier: Apache-2.0
//
// SegmentReader: the frames of a segment's file, through one window, so that memory stays bounded
// whatever the backlog. Who adopts a dead writer's folder reads it with this.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_READER_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_SEGMENT_READER_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/frame.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// The bytes of a segment that are in memory at a time.
inline constexpr std::size_t kReadWindow = 262'144;
static_assert(kReadWindow >= kMaxFrameSize, "the scanner asks for a whole frame");

/// @par Thread Safety
/// None: one thread at a time.
class SegmentReader {
 public:
  /// Opens a segment; what is appended later is not read. Errors: Storage, with the code "Newer"
  /// (leave the file), "Torn" (no event was ever in it) or "Damaged" (for quarantine), or as of
  /// File.
  [[nodiscard]] static Result<SegmentReader> open(FileSystem& files, const std::string& path) {
    Result<std::unique_ptr<File>> file = files.open(path, OpenFor::Read);
    if (!file) return std::move(file).error();
    const Result<FileStatus> status = (*file)->status();
    if (!status) return status.error();
    std::string window(kMaxHeaderSize, '\0');
    const Result<std::size_t> got = (*file)->read_at(0, window.data(), window.size());
    if (!got) return got.error();
    DecodedHeader header = decode_header(std::string_view{window}.substr(0, *got));
    if (header.state != HeaderState::Good) return header_error(path, header.state);
    return SegmentReader{*std::move(file), status->size, std::move(header)};
  }

  [[nodiscard]] const SegmentHeader& header() const noexcept { return header_; }

  /// The next frame, empty at the end. It is valid until the next call. Errors: Storage, as of
  /// File; a later call tries again.
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

  /// What was found so far: lost frames and, at the end, a torn tail.
  [[nodiscard]] const SegmentScanner& scanner() const noexcept { return scanner_; }

 private:
  SegmentReader(std::unique_ptr<File> file, std::uint64_t size, DecodedHeader&& header)
      : file_(std::move(file)),
        size_(size),
        header_(std::move(header.header)),
        scanner_(header_.first_sequence, header.size),
        window_at_(header.size) {}

  [[nodiscard]] static Error header_error(const std::string& path, HeaderState state) {
    const bool newer = state == HeaderState::Newer;
    Error error = detail::make_error(
        ErrorKind::Storage, path,
        newer ? "was written by a newer version of the library; read it with that one"
              : "has no whole header");
    error.code = newer ? "Newer" : state == HeaderState::Torn ? "Torn" : "Damaged";
    return error;
  }

  /// Puts the window where the scanner stands.
  [[nodiscard]] Result<void> fill() {
    window_at_ = scanner_.position();
    const std::uint64_t rest = size_ - window_at_;
    window_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kReadWindow, rest)));
    const Result<std::size_t> got = file_->read_at(window_at_, window_.data(), window_.size());
    const std::size_t filled = got.value_or(0);
    // Somebody cut the file meanwhile.
    if (got && filled < window_.size()) size_ = window_at_ + filled;
    window_.resize(filled);
    if (!got) return got.error();
    return {};
  }

  std::unique_ptr<File> file_;
  std::uint64_t size_;
  SegmentHeader header_;
  SegmentScanner scanner_;
  /// Where in the file the window begins.
  std::uint64_t window_at_;
  std::string window_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
