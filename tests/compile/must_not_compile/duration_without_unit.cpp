// SPDX-License-Identifier: Apache-2.0
//
// A duration says its unit.
#include <chrono>

#include "personalize_events/options.hpp"

namespace pe = personalize_events;

void set(pe::ClientOptions& options) {
#ifdef MUST_NOT_COMPILE
  options.call_timeout = 10;
#else
  options.call_timeout = std::chrono::seconds(10);
#endif
}
