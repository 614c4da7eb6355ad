// SPDX-License-Identifier: Apache-2.0
//
// test::FaultyFiles: a FileSystem in memory that knows what is on its disk and what is only in the
// page cache. A test makes calls fail, fills the disk, kills the process or cuts the power.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_FAULTY_FILES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_FAULTY_FILES_HPP

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/platform.hpp"

namespace test {

namespace pe = personalize_events;

/// Draws a number below its argument, which is not 0.
using Draw = std::function<std::size_t(std::size_t)>;

/// The content of a file, whoever has it open.
struct DiskFile {
  std::string bytes{};
  /// What the disk has for certain.
  std::string synced{};
  std::uint64_t links{1};
  const void* locked_by{nullptr};
  /// Not 0: no two files of a test have the same.
  std::uint64_t inode{next_inode()};

  [[nodiscard]] static std::uint64_t next_inode() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
  }
  [[nodiscard]] personalize_events::FileStatus status() const {
    return {bytes.size(), links, 1, inode};
  }
};

class FaultyFiles final : public pe::FileSystem {
 public:
  /// The next appends put in no more than this, and then fail; empty: all of it.
  std::optional<std::size_t> space{};
  /// While set, these fail.
  bool sync_fails{false};
  bool truncate_fails{false};
  bool open_fails{false};
  bool remove_fails{false};
  bool read_fails{false};
  bool list_fails{false};
  bool rename_fails{false};
  bool make_folder_fails{false};
  bool status_fails{false};
  bool lock_fails{false};
  /// Only for paths that contain this; empty: for all.
  std::string fails_at{};
  /// Called once, in the next sync of a file, as if others went on meanwhile.
  std::function<void()> during_sync{};
  /// Called when a folder was made, as if another process were faster than what comes next.
  std::function<void(const std::string&)> after_new_folder{};
  /// The next append writes this many bytes and no more.
  std::optional<std::size_t> short_write{};
  std::size_t syncs{0};
  std::size_t folder_syncs{0};
  /// The removed paths, in order.
  std::vector<std::string> removed{};

  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path, pe::OpenFor purpose) override;

  pe::Result<pe::FileStatus> status(const std::string& path) override {
    if (fails(status_fails, path)) return error(path, "");
    if (const auto folder = folders_.find(path); folder != folders_.end()) {
      return pe::FileStatus{0, 1, 1, folder->second};
    }
    const auto file = files_.find(path);
    if (file == files_.end()) return error(path, "NotFound");
    return file->second->status();
  }

  pe::Result<void> make_folder(const std::string& path) override {
    if (fails(make_folder_fails, path)) return error(path, "");
    const std::size_t slash = path.rfind('/');
    if (slash != 0 && folders_.count(path.substr(0, slash)) == 0) return error(path, "NotFound");
    if (files_.count(path) != 0) return error(path, "Exists");
    const bool is_new = folders_.emplace(path, DiskFile::next_inode()).second;
    if (is_new && after_new_folder) after_new_folder(path);
    return {};
  }

  pe::Result<std::vector<std::string>> list_folder(const std::string& path) override {
    if (folders_.count(path) == 0) return error(path, "NotFound");
    if (fails(list_fails, path)) return error(path, "");
    std::vector<std::string> names;
    for (const auto& [name, file] : files_) add_name(names, path, name);
    for (const auto& [name, inode] : folders_) add_name(names, path, name);
    std::sort(names.begin(), names.end());
    return names;
  }

  pe::Result<void> sync_folder(const std::string& path) override {
    if (folders_.count(path) == 0) return error(path, "NotFound");
    if (fails(sync_fails, path)) return error(path, "");
    ++folder_syncs;
    for (auto it = durable_names_.begin(); it != durable_names_.end();) {
      it = folder_of(it->first) == path ? durable_names_.erase(it) : std::next(it);
    }
    for (const auto& entry : files_) {
      if (folder_of(entry.first) == path) durable_names_.insert(entry);
    }
    return {};
  }

  pe::Result<void> rename(const std::string& from, const std::string& to) override {
    const auto file = files_.find(from);
    if (file == files_.end()) return error(from, "NotFound");
    if (fails(rename_fails, from)) return error(from, "");
    files_[to] = file->second;
    files_.erase(from);
    return {};
  }

  pe::Result<void> remove_file(const std::string& path) override {
    const auto file = files_.find(path);
    if (file == files_.end()) return error(path, "NotFound");
    if (fails(remove_fails, path)) return error(path, "");
    --file->second->links;
    files_.erase(file);
    removed.push_back(path);
    return {};
  }

  pe::Result<void> remove_folder(const std::string& path) override {
    const auto names = list_folder(path);
    if (!names) return names.error();
    if (!names->empty()) return error(path, "");
    folders_.erase(path);
    return {};
  }

  pe::Result<pe::DiskSpace> disk_space(const std::string& path) override {
    if (folders_.count(path) == 0) return error(path, "NotFound");
    return pe::DiskSpace{space.value_or(1U << 30U), 1U << 30U};
  }

  // --- What a test does to the disk ---

  /// Somebody removes a folder and all in it, under those who have its files open.
  void delete_folder(const std::string& path) {
    for (auto it = files_.begin(); it != files_.end();) {
      if (folder_of(it->first) != path) {
        ++it;
        continue;
      }
      --it->second->links;
      it = files_.erase(it);
    }
    folders_.erase(path);
  }

  /// Removes a folder and all below it, while processes have its files open.
  void delete_tree(const std::string& path) {
    const auto folders = folders_;
    for (const auto& [folder, inode] : folders) {
      if (folder.compare(0, path.size() + 1, path + "/") == 0) delete_folder(folder);
    }
    delete_folder(path);
  }

  /// The power fails: of what was not synced, each file keeps a part, cut at any byte, or with
  /// zeros where bytes had not been written; a name that was not synced is there or not. Open files
  /// must be gone.
  void cut_power(const Draw& draw) {
    std::map<std::string, std::shared_ptr<DiskFile>> kept;
    for (const auto& [path, file] : files_) {
      if (durable_names_.count(path) != 0 || draw(2) == 0) kept[path] = file;
    }
    for (const auto& [path, file] : durable_names_) {
      // A removal may not have reached the disk.
      if (files_.count(path) == 0 && draw(2) == 0) kept[path] = file;
    }
    for (auto& [path, file] : kept) {
      file->bytes = after_power_cut(*file, draw);
      file->synced = file->bytes;
      file->links = 1;
      file->locked_by = nullptr;
    }
    files_ = kept;
    durable_names_ = kept;
  }

  [[nodiscard]] bool exists(const std::string& path) const { return files_.count(path) != 0; }
  /// The bytes of a file that exists, to be read and damaged.
  [[nodiscard]] std::string& bytes(const std::string& path) { return files_.at(path)->bytes; }
  void put(const std::string& path, std::string bytes) {
    auto file = std::make_shared<DiskFile>();
    file->bytes = std::move(bytes);
    files_[path] = std::move(file);
  }
  /// The bytes of all files below a folder.
  [[nodiscard]] std::uint64_t bytes_below(const std::string& folder) const {
    std::uint64_t bytes = 0;
    for (const auto& [path, file] : files_) {
      if (path.compare(0, folder.size() + 1, folder + "/") == 0) bytes += file->bytes.size();
    }
    return bytes;
  }
  /// How many files and folders a folder has.
  [[nodiscard]] std::size_t count(const std::string& folder) {
    const auto names = list_folder(folder);
    return names ? names->size() : 0;
  }

  [[nodiscard]] bool fails(bool asked, const std::string& path) const {
    return asked && path.find(fails_at) != std::string::npos;
  }
  [[nodiscard]] static pe::Error error(const std::string& path, const char* code) {
    pe::Error failure =
        pe::detail::make_error(pe::ErrorKind::Storage, path, "failed as the test asked");
    failure.code = code;
    return failure;
  }

 private:
  [[nodiscard]] static std::string folder_of(const std::string& path) {
    return path.substr(0, path.rfind('/'));
  }
  static void add_name(std::vector<std::string>& names, const std::string& folder,
                       const std::string& path) {
    if (path != folder && folder_of(path) == folder)
      names.push_back(path.substr(folder.size() + 1));
  }
  [[nodiscard]] static std::string after_power_cut(const DiskFile& file, const Draw& draw) {
    if (file.bytes.substr(0, file.synced.size()) != file.synced) return file.synced;
    const std::size_t fresh = file.bytes.size() - file.synced.size();
    if (fresh == 0) return file.bytes;
    std::string bytes = file.bytes.substr(0, file.synced.size() + draw(fresh + 1));
    if (draw(4) == 0 && bytes.size() > file.synced.size()) {
      // Its length was written, some of its bytes were not.
      const std::size_t at = file.synced.size() + draw(bytes.size() - file.synced.size());
      const std::size_t count = 1 + draw(bytes.size() - at);
      bytes.replace(at, count, count, '\0');
    }
    return bytes;
  }

  std::map<std::string, std::shared_ptr<DiskFile>> files_{};
  /// The names that are on the disk.
  std::map<std::string, std::shared_ptr<DiskFile>> durable_names_{};
  /// With their inodes.
  std::map<std::string, std::uint64_t> folders_{};
};

/// An open file of FaultyFiles, which must outlive it.
class FaultyFile final : public pe::File {
 public:
  FaultyFile(FaultyFiles& disk, std::string path, std::shared_ptr<DiskFile> file, bool writable)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)), writable_(writable) {}
  FaultyFile(const FaultyFile&) = delete;
  FaultyFile& operator=(const FaultyFile&) = delete;
  ~FaultyFile() override {
    if (file_->locked_by == this) file_->locked_by = nullptr;
  }

  pe::Result<std::size_t> append(std::string_view bytes) override {
    if (!writable_) return FaultyFiles::error(path_, "");
    std::size_t count = bytes.size();
    if (disk_.short_write) count = std::min(count, *std::exchange(disk_.short_write, std::nullopt));
    if (disk_.space) {
      if (*disk_.space == 0 && count > 0) return FaultyFiles::error(path_, "NoSpace");
      count = std::min(count, *disk_.space);
      *disk_.space -= count;
    }
    file_->bytes.append(bytes.substr(0, count));
    return count;
  }

  pe::Result<void> truncate(std::uint64_t size) override {
    if (disk_.fails(disk_.truncate_fails, path_)) return FaultyFiles::error(path_, "");
    const std::size_t before = file_->bytes.size();
    file_->bytes.resize(static_cast<std::size_t>(size), '\0');
    if (disk_.space && before > size) *disk_.space += before - static_cast<std::size_t>(size);
    return {};
  }

  pe::Result<void> sync() override {
    const std::string bytes = file_->bytes;
    if (disk_.during_sync) std::exchange(disk_.during_sync, nullptr)();
    if (disk_.fails(disk_.sync_fails, path_)) return FaultyFiles::error(path_, "");
    ++disk_.syncs;
    file_->synced = bytes;
    return {};
  }

  pe::Result<std::size_t> read_at(std::uint64_t offset, char* out, std::size_t count) override {
    if (disk_.fails(disk_.read_fails, path_)) return FaultyFiles::error(path_, "");
    if (offset >= file_->bytes.size()) return std::size_t{0};
    return file_->bytes.copy(out, count, static_cast<std::size_t>(offset));
  }

  pe::Result<pe::FileStatus> status() override {
    if (disk_.fails(disk_.status_fails, path_)) return FaultyFiles::error(path_, "");
    return file_->status();
  }

  pe::Result<bool> try_lock() override {
    if (disk_.fails(disk_.lock_fails, path_)) return FaultyFiles::error(path_, "");
    if (file_->locked_by == nullptr) file_->locked_by = this;
    return file_->locked_by == this;
  }

 private:
  FaultyFiles& disk_;
  std::string path_;
  std::shared_ptr<DiskFile> file_;
  bool writable_;
};

inline pe::Result<std::unique_ptr<pe::File>> FaultyFiles::open(const std::string& path,
                                                               pe::OpenFor purpose) {
  if (folders_.count(folder_of(path)) == 0) return error(path, "NotFound");
  if (fails(open_fails, path)) return error(path, "");
  std::shared_ptr<DiskFile>& file = files_[path];
  const bool existed = file != nullptr;
  if (!existed && purpose == pe::OpenFor::Read) {
    files_.erase(path);
    return error(path, "NotFound");
  }
  if (existed && purpose == pe::OpenFor::AppendToNew) return error(path, "Exists");
  if (!existed) file = std::make_shared<DiskFile>();
  return std::unique_ptr<pe::File>{
      std::make_unique<FaultyFile>(*this, path, file, purpose != pe::OpenFor::Read)};
}

}  // namespace test

#endif
