// SPDX-License-Identifier: Apache-2.0
//
// test::FewDescriptors: leaves this process a few file descriptors, for tests of what happens then.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_FEW_DESCRIPTORS_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_FEW_DESCRIPTORS_HPP

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <vector>

#include "catch.hpp"

namespace test {

/// Lowers the limit of descriptors and opens all but `left`. The destructor restores both.
class FewDescriptors {
 public:
  explicit FewDescriptors(std::size_t left) {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &earlier_) == 0);
    rlimit low = earlier_;
    low.rlim_cur = 256;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    for (int opened = open_one(); opened >= 0; opened = open_one()) opened_.push_back(opened);
    const int why = errno;
    release(left);
    if (why != EMFILE) FAIL("errno " << why);
  }
  FewDescriptors(const FewDescriptors&) = delete;
  FewDescriptors& operator=(const FewDescriptors&) = delete;
  ~FewDescriptors() {
    release(opened_.size());
    ::setrlimit(RLIMIT_NOFILE, &earlier_);
  }

 private:
  static int open_one() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

  void release(std::size_t count) {
    for (; count > 0 && !opened_.empty(); --count) {
      ::close(opened_.back());
      opened_.pop_back();
    }
  }

  rlimit earlier_{};
  std::vector<int> opened_{};
};

}  // namespace test

#endif
