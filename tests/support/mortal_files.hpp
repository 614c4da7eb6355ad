// SPDX-License-Identifier: Apache-2.0
//
// test::MortalFiles: the files of a process that a test kills. It passes everything on until then,
// and from then on nothing reaches the disk any more, whatever the process's destructors do.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_MORTAL_FILES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_MORTAL_FILES_HPP

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/platform.hpp"

namespace test {

/// How a process still lives, or does not.
struct Life {
  bool is_over{false};
  /// It dies before a call on the disk, after so many from now on.
  std::optional<std::size_t> calls_left{};
  /// It dies in the middle of an append, when it has written so many bytes from now on.
  std::optional<std::size_t> bytes_left{};
  /// What it appended so far.
  std::uint64_t bytes_written{0};

  /// Whether a call reaches the disk.
  [[nodiscard]] bool may_call() {
    if (!is_over && calls_left && (*calls_left)-- == 0) is_over = true;
    return !is_over;
  }

  [[nodiscard]] static personalize_events::Error error() {
    return personalize_events::detail::make_error(personalize_events::ErrorKind::Storage, "process",
                                                  "was killed");
  }
};

class MortalFile final : public personalize_events::File {
 public:
  MortalFile(std::unique_ptr<personalize_events::File> file, std::shared_ptr<Life> life)
      : file_(std::move(file)), life_(std::move(life)) {}

  personalize_events::Result<std::size_t> append(std::string_view bytes) override {
    if (!life_->may_call()) return Life::error();
    if (life_->bytes_left && bytes.size() >= *life_->bytes_left) {
      // What became of these nobody lives to see.
      static_cast<void>(file_->append(bytes.substr(0, *life_->bytes_left)));
      life_->is_over = true;
      return Life::error();
    }
    if (life_->bytes_left) *life_->bytes_left -= bytes.size();
    life_->bytes_written += bytes.size();
    return file_->append(bytes);
  }
  personalize_events::Result<void> truncate(std::uint64_t size) override {
    if (!life_->may_call()) return Life::error();
    return file_->truncate(size);
  }
  personalize_events::Result<void> sync() override {
    if (!life_->may_call()) return Life::error();
    return file_->sync();
  }
  personalize_events::Result<std::size_t> read_at(std::uint64_t offset, char* out,
                                                  std::size_t count) override {
    if (!life_->may_call()) return Life::error();
    return file_->read_at(offset, out, count);
  }
  personalize_events::Result<personalize_events::FileStatus> status() override {
    if (!life_->may_call()) return Life::error();
    return file_->status();
  }
  personalize_events::Result<bool> try_lock() override {
    if (!life_->may_call()) return Life::error();
    return file_->try_lock();
  }

 private:
  std::unique_ptr<personalize_events::File> file_;
  std::shared_ptr<Life> life_;
};

class MortalFiles final : public personalize_events::FileSystem {
 public:
  /// `files` outlives it.
  explicit MortalFiles(personalize_events::FileSystem& files) : files_(files) {}

  [[nodiscard]] Life& life() { return *life_; }

  personalize_events::Result<std::unique_ptr<personalize_events::File>> open(
      const std::string& path, personalize_events::OpenFor purpose) override {
    if (!life_->may_call()) return Life::error();
    auto file = files_.open(path, purpose);
    if (!file) return std::move(file).error();
    return std::unique_ptr<personalize_events::File>{
        std::make_unique<MortalFile>(*std::move(file), life_)};
  }
  personalize_events::Result<personalize_events::FileStatus> status(
      const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.status(path);
  }
  personalize_events::Result<void> make_folder(const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.make_folder(path);
  }
  personalize_events::Result<std::vector<std::string>> list_folder(
      const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.list_folder(path);
  }
  personalize_events::Result<void> sync_folder(const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.sync_folder(path);
  }
  personalize_events::Result<void> rename(const std::string& from, const std::string& to) override {
    if (!life_->may_call()) return Life::error();
    return files_.rename(from, to);
  }
  personalize_events::Result<void> remove_file(const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.remove_file(path);
  }
  personalize_events::Result<void> remove_folder(const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.remove_folder(path);
  }
  personalize_events::Result<personalize_events::DiskSpace> disk_space(
      const std::string& path) override {
    if (!life_->may_call()) return Life::error();
    return files_.disk_space(path);
  }

 private:
  personalize_events::FileSystem& files_;
  std::shared_ptr<Life> life_{std::make_shared<Life>()};
};

}  // namespace test

#endif
