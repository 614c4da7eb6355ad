// SPDX-License-Identifier: Apache-2.0
//
// Calls in a coroutine: three at once, each awaited as if it blocked, and no thread that waits.
// Needs C++20:  c++ -std=c++20 -I include coroutine.cpp -lcurl -lcrypto -lpthread
//
//   AWS_REGION=eu-west-1 ./coroutine TRACKING_ID
#include <personalize_events/coroutine.hpp>
#include <personalize_events/personalize_events.hpp>

#include <coroutine>
#include <cstdio>
#include <exception>
#include <future>
#include <string>
#include <utility>

namespace pe = personalize_events;

// The least that a coroutine can return: its caller gets a std::future. Your framework has a
// better.
struct Task {
  struct promise_type {
    std::promise<bool> done;
    Task get_return_object() { return {done.get_future()}; }
    std::suspend_never initial_suspend() noexcept { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_value(bool good) { done.set_value(good); }
    void unhandled_exception() { std::terminate(); }
  };
  std::future<bool> done;
};

//! [await]
// The client and the texts are copies: they live in the coroutine until it ends.
Task watch_and_buy(pe::AsyncClient client, std::string tracking_id, std::string session) {
  for (const char* type : {"Watch", "Buy"}) {
    pe::Event event{type};
    event.item_id = "movie-42";
    pe::PutEventsRequest request{tracking_id, session, {event}};
    auto sent = co_await pe::co_put_events(client, request);
    if (!sent) {
      std::fprintf(stderr, "%s\n", pe::to_string(sent.error()).c_str());
      co_return false;
    }
  }
  co_return true;
}
//! [await]

int main(int argc, char** argv) {
  const std::string tracking_id = argc > 1 ? argv[1] : "tracking-id";
  auto client = pe::make_async_client();
  if (!client) {
    std::fprintf(stderr, "%s\n", pe::to_string(client.error()).c_str());
    return 1;
  }
  Task tasks[] = {watch_and_buy(*client, tracking_id, "session-1"),
                  watch_and_buy(*client, tracking_id, "session-2"),
                  watch_and_buy(*client, tracking_id, "session-3")};
  int good = 0;
  for (Task& task : tasks) good += task.done.get() ? 1 : 0;
  std::printf("%d of 3 sessions sent\n", good);
  return good == 3 ? 0 : 1;
}
