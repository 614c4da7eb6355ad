// SPDX-License-Identifier: Apache-2.0
//
// An Error is never the value of a Result: nobody could tell success from failure.
#include "personalize_events/result.hpp"

namespace pe = personalize_events;

#ifdef MUST_NOT_COMPILE
pe::Result<pe::Error> unclear(pe::Error{});
#else
pe::Result<pe::ErrorKind> clear(pe::ErrorKind::Timeout);
#endif
