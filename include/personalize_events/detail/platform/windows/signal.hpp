// SPDX-License-Identifier: Apache-2.0
//
// SigpipeGuard of Windows, for platform/signal.hpp.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_SIGNAL_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_WINDOWS_SIGNAL_HPP

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Does nothing: Windows has no SIGPIPE, and a write to a closed connection only fails.
class SigpipeGuard {
 public:
  SigpipeGuard() noexcept {}
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;
  ~SigpipeGuard() {}
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
