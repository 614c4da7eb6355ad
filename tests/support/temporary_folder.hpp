// SPDX-License-Identifier: Apache-2.0
//
// test::TemporaryFolder and write_file: real files for the tests that need some.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_TEMPORARY_FOLDER_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_TEMPORARY_FOLDER_HPP

#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <system_error>

#include "catch.hpp"

namespace test {

/// A folder that is gone at the end of the test.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    // False where the folder exists, as another test's.
    do {
      path_ = std::filesystem::temp_directory_path() / ("pe-test-" + std::to_string(random_()));
    } while (!std::filesystem::create_directory(path_));
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const char* name) const { return (path_ / name).string(); }

 private:
  std::random_device random_{};
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream file{path, std::ios::binary};
  file << text;
  file.close();
  REQUIRE(file.good());
}

}  // namespace test

#endif
