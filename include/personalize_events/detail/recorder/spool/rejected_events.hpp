// SPDX-License-Identifier: Apache-2.0
//
// RejectedEvents: the file "rejected/<uuid>.jsonl" of a spool, in which the events that the service
// rejected are kept with its reason, one JSON object a line. "personalize-events spool resend"
// sends them again.
#ifndef PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_REJECTED_EVENTS_HPP
#define PERSONALIZE_EVENTS_DETAIL_RECORDER_SPOOL_REJECTED_EVENTS_HPP

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "personalize_events/detail/base/uuid.hpp"
#include "personalize_events/detail/recorder/spool/disk_health.hpp"
#include "personalize_events/detail/recorder/spool/writer_folder.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail::spool {

inline constexpr const char* kRejectedFolder = "rejected";

/// Not thread-safe.
class RejectedEvents {
 public:
  /// `limit` is that of the folder, in bytes, with the files of all writers. `files` and `platform`
  /// outlive it.
  RejectedEvents(FileSystem& files, Platform& platform, const std::string& directory,
                 std::uint64_t limit)
      : files_(&files),
        platform_(&platform),
        folder_(detail::path_in(directory, kRejectedFolder)),
        limit_(limit) {}

  /// Keeps a line, as long as there is space. The file is made when it is needed.
  void keep(std::string line) {
    line.push_back('\n');
    if (file_ == nullptr && !open()) return;
    if (bytes_ + line.size() > limit_) return;
    // The application was told of the event, so that nothing is silent when this fails.
    if (append_all(*file_, path_, line)) {
      bytes_ += line.size();
      file_bytes_ += line.size();
      return;
    }
    // Half a line would spoil the next one.
    if (!file_->truncate(file_bytes_)) limit_ = 0;
  }

 private:
  [[nodiscard]] bool open() {
    if (!make_folders(*files_, folder_)) return false;
    bytes_ = folder_bytes(*files_, folder_);
    if (path_.empty()) {
      detail::UuidBytes random{};
      platform_->random_bytes(random.data(), random.size());
      path_ = detail::path_in(folder_, detail::format_uuid_v4(random)).append(".jsonl");
    }
    Result<std::unique_ptr<File>> file = files_->open(path_, OpenFor::Append);
    if (!file) return false;
    // While it is locked, no tool removes lines.
    const Result<bool> is_locked = (*file)->try_lock();
    if (!is_locked || !*is_locked) return false;
    const Result<FileStatus> status = (*file)->status();
    if (!status || status->links == 0) return false;
    file_bytes_ = status->size;
    file_ = *std::move(file);
    return true;
  }

  FileSystem* files_;
  Platform* platform_;
  std::string folder_;
  std::string path_{};
  std::uint64_t limit_;
  std::unique_ptr<File> file_{};
  std::uint64_t bytes_{0};       ///< of the folder
  std::uint64_t file_bytes_{0};  ///< of whole lines
};

}  // namespace detail::spool

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
