// SPDX-License-Identifier: Apache-2.0
//
// AcknowledgementFile: the ".ack" file beside a segment, which says what of it reached its end. The
// segment ledger writes it, whoever reads the segment reads it first.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_ACKNOWLEDGEMENT_FILE_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_ACKNOWLEDGEMENT_FILE_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/platform/file.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"
#include "personalize_events/recorder/spool/segment.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// What an ".ack" file says.
struct Acknowledged {
  SequenceSet events{};
  std::uint64_t records{0};
  /// Records that could not be read: their events are sent again.
  std::size_t broken{0};
};

/// Reads an ".ack" file; one that is absent or damaged says nothing. Errors: Storage, as of File.
[[nodiscard]] inline Result<Acknowledged> read_acknowledgement_file(FileSystem& files,
                                                                    const std::string& path) {
  Acknowledged acknowledged;
  Result<std::unique_ptr<File>> file = files.open(path, OpenFor::Read);
  if (!file) {
    if (file.error().code == "NotFound") return acknowledged;
    return std::move(file).error();
  }
  std::string bytes(kMaxHeaderSize, '\0');
  const Result<std::size_t> head = (*file)->read_at(0, bytes.data(), bytes.size());
  if (!head) return head.error();
  const DecodedHeader header = decode_header(std::string_view{bytes}.substr(0, *head));
  if (header.state != HeaderState::Good) {
    acknowledged.broken = *head == 0 ? 0 : 1;
    return acknowledged;
  }
  bytes.resize(kAcknowledgementSize * 4096);
  std::uint64_t at = header.size;
  for (;;) {
    const Result<std::size_t> got = (*file)->read_at(at, bytes.data(), bytes.size());
    if (!got) return got.error();
    const std::size_t broken =
        read_acknowledgements(std::string_view{bytes}.substr(0, *got), acknowledged.events);
    acknowledged.broken += broken;
    acknowledged.records += *got / kAcknowledgementSize - broken;
    if (*got < bytes.size()) return acknowledged;
    at += *got;
  }
}

/// An ".ack" file that grows.
///
/// @par Thread Safety
/// None: one thread at a time.
class AcknowledgementFile {
 public:
  /// Opens the file of a segment, which is made when it is absent and cut back to its last whole
  /// record when it has a torn tail. Errors: Storage, as of File.
  [[nodiscard]] static Result<AcknowledgementFile> open(FileSystem& files, const std::string& path,
                                                        const SegmentHeader& header) {
    Result<std::unique_ptr<File>> file = files.open(path, OpenFor::Append);
    if (!file) return std::move(file).error();
    std::string bytes(kMaxHeaderSize, '\0');
    const Result<std::size_t> head = (*file)->read_at(0, bytes.data(), bytes.size());
    if (!head) return head.error();
    const Result<FileStatus> status = (*file)->status();
    if (!status) return status.error();
    const DecodedHeader found = decode_header(std::string_view{bytes}.substr(0, *head));
    std::uint64_t whole = 0;
    if (found.state == HeaderState::Good) {
      whole = status->size - (status->size - found.size) % kAcknowledgementSize;
    }
    if (whole != status->size) {
      if (Result<void> cut = (*file)->truncate(whole); !cut) return std::move(cut).error();
    }
    AcknowledgementFile opened{path, *std::move(file), whole};
    if (whole > 0) return opened;
    bytes.clear();
    // The segment has the same header, so it is not too long.
    static_cast<void>(append_header(bytes, header));
    if (Result<void> written = opened.write(bytes); !written) return std::move(written).error();
    return opened;
  }

  /// Appends records in one write: all of them, or none. Errors: Storage, as of File.
  [[nodiscard]] Result<void> write(std::string_view records) {
    // Behind a torn record others could not be read.
    if (is_torn_) {
      if (Result<void> cut = file_->truncate(size_); !cut) return cut;
      is_torn_ = false;
    }
    const Result<std::size_t> written = file_->append(records);
    if (written && *written == records.size()) {
      size_ += records.size();
      return {};
    }
    is_torn_ = !file_->truncate(size_);
    if (!written) return written.error();
    Error full =
        detail::make_error(ErrorKind::Storage, path_, "takes no more; make room on the disk");
    full.code = "NoSpace";
    return full;
  }

 private:
  AcknowledgementFile(std::string path, std::unique_ptr<File> file, std::uint64_t size)
      : path_(std::move(path)), file_(std::move(file)), size_(size) {}

  std::string path_;
  std::unique_ptr<File> file_;
  std::uint64_t size_;
  bool is_torn_{false};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
