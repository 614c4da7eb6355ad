// SPDX-License-Identifier: Apache-2.0
//
// A recorder without a thread: the game's own loop runs it, a little in each frame. Its credentials
// come from the game's server after the login, not from the AWS environment; what the player does
// before that waits.
//
//   AWS_REGION=eu-west-1 ./game_loop TRACKING_ID
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace pe = personalize_events;
using std::chrono::milliseconds;

// Stands for the answer of the game's server: temporary keys, for this player alone.
pe::Credentials keys_from_the_server() {
  const auto text = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string{value == nullptr ? "" : value};
  };
  return {text("AWS_ACCESS_KEY_ID"), text("AWS_SECRET_ACCESS_KEY"), text("AWS_SESSION_TOKEN"),
          std::chrono::system_clock::now() + std::chrono::hours{1}};
}

int main(int argc, char** argv) {
  //! [options]
  auto options = pe::RecorderOptions::device(argc > 1 ? argv[1] : "tracking-id");
  options.driver = pe::Driver::Manual;
  options.linger = milliseconds{250};  // half a minute would outlast this demonstration
  // Called by run_once, so it may touch the game's state.
  unsigned long long delivered = 0;
  options.on_delivery = [&delivered](const pe::Delivery& delivery) {
    if (delivery.outcome == pe::Outcome::Delivered) delivered += delivery.event_ids.size();
  };
  options.on_fault = [](const pe::Fault& fault) {
    const std::string kind{pe::to_string(fault.kind)};
    std::printf("%s %s\n", kind.c_str(), fault.cleared ? "is over" : "began");
  };
  // A frame must not wait for a source of credentials; set_credentials is called when they come.
  pe::ClientOptions client;
  client.credentials = [] { return pe::credentials_error("the player has not logged in yet"); };
  auto recorder = pe::make_recorder(options, client);
  //! [options]
  if (!recorder) {
    std::fprintf(stderr, "%s\n", pe::to_string(recorder.error()).c_str());
    return 1;
  }

  const pe::Session session{"match-1", "player-7"};
  for (int frame = 0; frame < 150; ++frame) {
    if (frame % 10 == 0) {
      pe::Event won{"PointWon"};
      won.item_id = "level-3";
      recorder->record(session, won);
    }
    //! [frame]
    if (frame == 60) {
      recorder->set_credentials(keys_from_the_server());
      std::puts("the player has logged in");
    }
    // ... the game itself: input, world, picture ...

    // What is due, and at most a millisecond of waiting for the network.
    recorder->run_once(milliseconds{1});
    //! [frame]

    std::this_thread::sleep_for(milliseconds{16});
  }
  // The credits roll: here it may take longer.
  recorder->close(std::chrono::seconds{5});
  std::printf("%llu of 15 events delivered\n", delivered);
  return delivered == 15 ? 0 : 1;
}
