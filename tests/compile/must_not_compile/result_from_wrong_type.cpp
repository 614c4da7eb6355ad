// SPDX-License-Identifier: Apache-2.0
//
// A Result takes what makes its value, and an Error; nothing else.
#include <string>

#include "personalize_events/result.hpp"

namespace pe = personalize_events;

pe::Result<int> answer() {
#ifdef MUST_NOT_COMPILE
  return std::string("42");
#else
  return 42;
#endif
}
