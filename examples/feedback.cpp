// SPDX-License-Identifier: Apache-2.0
//
// What came of a recommendation: which items the user was shown, which one was taken, and what it
// brought. It trains the next recommendations, and counts in the reports of a metric attribution.
//
//   AWS_REGION=eu-west-1 ./feedback TRACKING_ID
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace pe = personalize_events;

/// What the GetRecommendations call of Amazon Personalize Runtime answered.
struct Recommendation {
  std::string recommendation_id;
  std::vector<std::string> items;
};

//! [events]
// The page was shown with these items, from the first to the last that the user could see. Without
// `impression` the service takes all that the recommendation id stands for as shown.
pe::Event shown(const Recommendation& recommendation) {
  pe::Event event{"Shown"};
  event.recommendation_id = recommendation.recommendation_id;
  event.impression = recommendation.items;
  return event;
}

pe::Event clicked(const Recommendation& recommendation, const std::string& item) {
  pe::Event event{"Click"};
  event.item_id = item;
  event.recommendation_id = recommendation.recommendation_id;
  return event;
}

// The source is what your reports tell apart: a page, a campaign, another recommender. When an
// event has one, the reports go by it and not by the recommendation id.
pe::Event bought(const std::string& item, double price) {
  pe::Event event{"Purchase"};
  event.item_id = item;
  event.event_value = price;
  event.metric_attribution = pe::MetricAttribution{"front-page"};
  return event;
}
//! [events]

int main(int argc, char** argv) {
  const char* tracking_id = argc > 1 ? argv[1] : "tracking-id";
  auto recorder = pe::make_recorder(pe::RecorderOptions::server(tracking_id));
  if (!recorder) {
    std::fprintf(stderr, "%s\n", pe::to_string(recorder.error()).c_str());
    return 1;
  }

  const Recommendation recommendation{"RID-4f2c", {"boots", "tent", "stove"}};
  const pe::Session session{"session-1", "user-7"};
  for (const pe::Event& event :
       {shown(recommendation), clicked(recommendation, "tent"), bought("tent", 249.5)}) {
    auto taken = recorder->record(session, event);
    if (!taken) std::fprintf(stderr, "%s\n", pe::to_string(taken.error()).c_str());
  }
  const auto report = recorder->close(std::chrono::seconds{5});
  std::printf("%llu events delivered\n", static_cast<unsigned long long>(report.delivered));
  return report.delivered == 3 ? 0 : 1;
}
