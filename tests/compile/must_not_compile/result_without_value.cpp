// SPDX-License-Identifier: Apache-2.0
//
// A Result has no `value()`, which would have to throw: throwing.hpp has `or_throw`.
#include "personalize_events/result.hpp"

namespace pe = personalize_events;

int read(const pe::Result<int>& result) {
#ifdef MUST_NOT_COMPILE
  return result.value();
#else
  return result.value_or(0);
#endif
}
