// SPDX-License-Identifier: Apache-2.0
//
// A Result's test is explicit, so that a Result is never added or compared as a number by mistake.
#include "personalize_events/result.hpp"

namespace pe = personalize_events;

int count(const pe::Result<int>& result) {
#ifdef MUST_NOT_COMPILE
  return result + 1;
#else
  return *result + 1;
#endif
}
