// SPDX-License-Identifier: Apache-2.0
//
// A program that ends while its provider of credentials hangs: hanging_provider client|recorder
// stack|static. The owner of the provider is a local object of main, or a static one. Its status is
// 8.

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "recorder/programs/programs.hpp"
#include "support/recorder_world.hpp"

namespace pe = personalize_events;

namespace {

// Hangs without end, and reports when it does. The provider shares it.
struct Hang {
  std::mutex mutex{};
  std::condition_variable changed{};
  bool is_called{false};

  void hang() {
    std::unique_lock<std::mutex> lock{mutex};
    is_called = true;
    changed.notify_all();
    changed.wait(lock, [] { return false; });
  }
  void wait_for_call() {
    std::unique_lock<std::mutex> lock{mutex};
    changed.wait(lock, [this] { return is_called; });
  }
};

struct Owner {
  std::shared_ptr<Hang> hang = std::make_shared<Hang>();
  std::optional<pe::Client> client{};
  std::optional<pe::EventRecorder> recorder{};

  // Returns once the provider hangs.
  bool start(const std::string& kind) {
    pe::ClientOptions options = test::recorder_client("http://127.0.0.1:1");
    options.call_timeout = std::chrono::milliseconds{50};
    options.credentials = [hang = hang]() -> pe::Result<pe::Credentials> {
      hang->hang();
      return pe::credentials_error("never");
    };
    if (kind == "client") {
      options.transport = std::make_shared<pe::CurlTransport>();
      client.emplace(options);
      const pe::PutEventsRequest request{"tracker", "visit", {pe::Event{"Watch"}}};
      if (client->put_events(request)) return false;
    } else {
      pe::RecorderOptions recorder_options = pe::RecorderOptions::server("tracker");
      recorder_options.linger = std::chrono::milliseconds{0};
      recorder_options.shutdown_timeout = std::chrono::milliseconds{0};
      auto made = pe::make_recorder(recorder_options, options);
      if (!made) return false;
      recorder.emplace(*std::move(made));
      if (!recorder->record({"visit"}, pe::Event{"Watch"})) return false;
    }
    hang->wait_for_call();
    return true;
  }
};

}  // namespace

int hanging_provider(int argc, char** argv) {
  if (argc != 3) return 1;
  if (argv[2] == std::string{"stack"}) {
    Owner owner;
    return owner.start(argv[1]) ? 8 : 2;
  }
  static Owner owner;
  return owner.start(argv[1]) ? 8 : 2;
}
