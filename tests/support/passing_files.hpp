// SPDX-License-Identifier: Apache-2.0
//
// PassingFiles and PassingFile: a file system and its files that pass every call on to others.
// Tests of the spool derive from them to count, delay or refuse single calls.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_PASSING_FILES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_PASSING_FILES_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

namespace test {

class PassingFile : public personalize_events::File {
 public:
  explicit PassingFile(std::unique_ptr<personalize_events::File> file) : file_(std::move(file)) {}

  personalize_events::Result<std::size_t> append(std::string_view bytes) override {
    return file_->append(bytes);
  }
  personalize_events::Result<void> truncate(std::uint64_t size) override {
    return file_->truncate(size);
  }
  personalize_events::Result<void> sync() override { return file_->sync(); }
  personalize_events::Result<std::size_t> read_at(std::uint64_t offset, char* out,
                                                  std::size_t count) override {
    return file_->read_at(offset, out, count);
  }
  personalize_events::Result<personalize_events::FileStatus> status() override {
    return file_->status();
  }
  personalize_events::Result<bool> try_lock() override { return file_->try_lock(); }

 private:
  std::unique_ptr<personalize_events::File> file_;
};

class PassingFiles : public personalize_events::FileSystem {
 public:
  /// `files` must outlive it.
  explicit PassingFiles(personalize_events::FileSystem& files) : files_(files) {}

  personalize_events::Result<std::unique_ptr<personalize_events::File>> open(
      const std::string& path, personalize_events::OpenFor purpose) override {
    return files_.open(path, purpose);
  }
  personalize_events::Result<personalize_events::FileStatus> status(
      const std::string& path) override {
    return files_.status(path);
  }
  personalize_events::Result<void> make_folder(const std::string& path) override {
    return files_.make_folder(path);
  }
  personalize_events::Result<std::vector<std::string>> list_folder(
      const std::string& path) override {
    return files_.list_folder(path);
  }
  personalize_events::Result<void> sync_folder(const std::string& path) override {
    return files_.sync_folder(path);
  }
  personalize_events::Result<void> rename(const std::string& from, const std::string& to) override {
    return files_.rename(from, to);
  }
  personalize_events::Result<void> remove_file(const std::string& path) override {
    return files_.remove_file(path);
  }
  personalize_events::Result<void> remove_folder(const std::string& path) override {
    return files_.remove_folder(path);
  }
  personalize_events::Result<personalize_events::DiskSpace> disk_space(
      const std::string& path) override {
    return files_.disk_space(path);
  }

 private:
  personalize_events::FileSystem& files_;
};

}  // namespace test

#endif
