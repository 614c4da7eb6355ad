// SPDX-License-Identifier: Apache-2.0
//
// A visitor who logs in. The session id stays the same before and after; the user id is added as
// soon as it is known. The service then counts what was done before the login for the user too.
//
//   AWS_REGION=eu-west-1 ./login TRACKING_ID
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdio>
#include <string>

namespace pe = personalize_events;

pe::Event view(const std::string& item) {
  pe::Event event{"View"};
  event.item_id = item;
  return event;
}

int main(int argc, char** argv) {
  auto options = pe::RecorderOptions::server(argc > 1 ? argv[1] : "tracking-id");
  options.on_delivery = [](const pe::Delivery& delivery) {
    std::printf("%zu events of %s\n", delivery.event_ids.size(),
                delivery.session.user_id.value_or("somebody").c_str());
  };
  auto recorder = pe::make_recorder(options);
  if (!recorder) {
    std::fprintf(stderr, "%s\n", pe::to_string(recorder.error()).c_str());
    return 1;
  }

  //! [session]
  // What your own session cookie holds will do, if it is not the key to an account.
  pe::Session session{"session-1"};
  recorder->record(session, view("boots"));
  recorder->record(session, view("tent"));

  session.user_id = "user-7";  // the login; the events before it leave first, without a user
  recorder->record(session, view("stove"));

  // After the logout: a new session id, and no user id.
  //! [session]
  const pe::CloseReport report = recorder->close(std::chrono::seconds{5});
  return report.delivered == 3 ? 0 : 1;
}
