// SPDX-License-Identifier: Apache-2.0
//
// The recorder: events from any thread, sent in the background in batches of a session, each with
// one outcome that you are told.
//
//   AWS_REGION=eu-west-1 ./recorder TRACKING_ID
#include <personalize_events/make_recorder.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace pe = personalize_events;

int main(int argc, char** argv) {
  //! [options]
  auto options = pe::RecorderOptions::server(argc > 1 ? argv[1] : "tracking-id");
  // Both are called on the recorder's thread, one at a time: be brief.
  options.on_delivery = [](const pe::Delivery& delivery) {
    const std::string outcome{pe::to_string(delivery.outcome)};
    std::printf("%s: %zu events of %s\n", outcome.c_str(), delivery.event_ids.size(),
                delivery.session.session_id.c_str());
  };
  options.on_fault = [](const pe::Fault& fault) {
    const std::string kind{pe::to_string(fault.kind)};
    std::fprintf(stderr, "%s %s: %s\n", kind.c_str(), fault.cleared ? "is over" : "began",
                 pe::to_string(fault.error).c_str());
  };
  auto recorder = pe::make_recorder(options);
  //! [options]
  if (!recorder) {
    std::fprintf(stderr, "%s\n", pe::to_string(recorder.error()).c_str());
    return 1;
  }

  //! [record]
  const pe::Session session{"session-1", "user-7"};
  for (int second = 0; second < 25; ++second) {
    pe::Event watch{"Watch"};
    watch.item_id = "movie-42";
    watch.event_value = second;
    // It costs a push to a queue: no network, no waiting. An error means that it was not taken.
    auto taken = recorder->record(session, watch);
    if (!taken) std::fprintf(stderr, "%s\n", pe::to_string(taken.error()).c_str());
  }
  //! [record]

  //! [close]
  // Sends what is left and says what became of it. The destructor does the same in less time.
  const pe::CloseReport report = recorder->close(std::chrono::seconds{5});
  //! [close]
  // The report counts from the call of close on, the statistics from the start.
  std::printf("%llu delivered, %llu dropped\n",
              static_cast<unsigned long long>(recorder->stats().delivered),
              static_cast<unsigned long long>(report.dropped));
  return report.dropped == 0 ? 0 : 1;
}
