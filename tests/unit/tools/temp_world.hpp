// SPDX-License-Identifier: Apache-2.0
//
// What tests of the temporary files of send share: another TMPDIR, and a disk that is full.
#ifndef PERSONALIZE_EVENTS_TESTS_UNIT_TOOLS_TEMP_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_UNIT_TOOLS_TEMP_WORLD_HPP

#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <optional>
#include <string>

#include "catch.hpp"

namespace test {

/// TMPDIR is another folder as long as this lives.
class TempFolder {
 public:
  explicit TempFolder(const char* path) {
    if (const char* earlier = std::getenv("TMPDIR")) earlier_ = earlier;
    REQUIRE(::setenv("TMPDIR", path, 1) == 0);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  ~TempFolder() { earlier_ ? ::setenv("TMPDIR", earlier_->c_str(), 1) : ::unsetenv("TMPDIR"); }

 private:
  std::optional<std::string> earlier_{};
};

/// No file of this process may grow beyond so many bytes as long as this lives: to a program that
/// does not die of the signal this is like a disk without room.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : earlier_signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &earlier_) == 0);
    const rlimit small{bytes, earlier_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &earlier_);
    std::signal(SIGXFSZ, earlier_signal_);
  }

 private:
  void (*earlier_signal_)(int);
  rlimit earlier_{};
};

}  // namespace test

#endif
