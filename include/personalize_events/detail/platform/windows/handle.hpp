// SPDX-License-Identifier: Apache-2.0
//
// Handle: an open handle of Windows with an owner. process.hpp and the file headers of this folder
// use it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_HANDLE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_HANDLE_HPP

#include <utility>

#include "personalize_events/detail/platform/windows/api.hpp"
#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A handle, closed at the end of its scope.
class Handle {
 public:
  Handle() = default;
  /// Takes what a call answered: INVALID_HANDLE_VALUE and null both mean that it failed.
  explicit Handle(HANDLE value) noexcept
      : value_(value == INVALID_HANDLE_VALUE ? nullptr : value) {}
  Handle(Handle&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this == &other) return *this;
    close();
    value_ = std::exchange(other.value_, nullptr);
    return *this;
  }
  ~Handle() { close(); }

  [[nodiscard]] bool is_open() const noexcept { return value_ != nullptr; }
  [[nodiscard]] HANDLE get() const noexcept { return value_; }

  void close() noexcept {
    // Fails only for a handle that is not open.
    if (value_ != nullptr) static_cast<void>(::CloseHandle(value_));
    value_ = nullptr;
  }

 private:
  HANDLE value_{nullptr};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
