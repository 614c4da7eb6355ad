// SPDX-License-Identifier: Apache-2.0
//
// Descriptor: an open file descriptor with an owner. process.hpp and the file headers
// of POSIX systems use it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_DESCRIPTOR_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_DESCRIPTOR_HPP

#include <unistd.h>

#include <utility>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A file descriptor, closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(); }

  [[nodiscard]] int number() const noexcept { return number_; }

  void close() noexcept {
    // Linux frees the number even when close fails, and nothing is ever written here.
    if (number_ >= 0) static_cast<void>(::close(number_));
    number_ = -1;
  }

  /// Gives the number to a new owner, who closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }

  void reset(int number) noexcept {
    close();
    number_ = number;
  }

 private:
  int number_;
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
