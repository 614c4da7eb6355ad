// SPDX-License-Identifier: Apache-2.0
//
// A plug-in that registers a descriptor for closing in forked children. It is small enough to be
// unloaded by dlclose. plugin_host.cpp loads it.

#include <fcntl.h>
#include <unistd.h>

#include "personalize_events/detail/platform/posix/close_on_fork.hpp"

using personalize_events::detail::CloseOnFork;

namespace {
CloseOnFork::Slot* slot = nullptr;
}  // namespace

// Opens and registers a descriptor; returns its number, -1 if that fails.
extern "C" __attribute__((visibility("default"))) int plugin_hold() {
  const int number = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (number >= 0) slot = CloseOnFork::add(number);
  return slot != nullptr ? number : -1;
}

extern "C" __attribute__((visibility("default"))) void plugin_release() {
  static_cast<void>(::close(CloseOnFork::remove(*slot)));
}
