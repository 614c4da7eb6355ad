// SPDX-License-Identifier: Apache-2.0
//
// A recorder has one owner, whose end closes it.
#include <utility>

#include "personalize_events/event_recorder.hpp"

namespace pe = personalize_events;

pe::EventRecorder hand_over(pe::EventRecorder& recorder) {
#ifdef MUST_NOT_COMPILE
  return recorder;
#else
  return std::move(recorder);
#endif
}
