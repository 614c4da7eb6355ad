// SPDX-License-Identifier: Apache-2.0
//
// A source of the same program that uses the inline factories.
#include <chrono>
#include <utility>

#include "personalize_events/make_recorder_with.hpp"

namespace pe = personalize_events;

bool delivers_inline(pe::RecorderOptions options, const pe::ClientOptions& client) {
  auto recorder = pe::make_recorder_with(std::move(options), client);
  if (!recorder || !recorder->record({"session"}, pe::Event{"Watch"})) return false;
  return recorder->close(std::chrono::seconds{60}).delivered == 1;
}
