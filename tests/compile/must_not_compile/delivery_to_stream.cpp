// SPDX-License-Identifier: Apache-2.0
//
// What was not delivered is private too: a delivery cannot be written to a stream.
#include <ostream>

#include "personalize_events/recorder_options.hpp"

namespace pe = personalize_events;

void log(std::ostream& stream, const pe::Delivery& delivery) {
#ifdef MUST_NOT_COMPILE
  stream << delivery;
#else
  stream << pe::to_string(delivery.outcome);
#endif
}
