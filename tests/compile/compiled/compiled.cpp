// SPDX-License-Identifier: Apache-2.0
//
// A program over compiled.hpp and a light transport: it compiles no implementation.
#include "personalize_events/compiled.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/transport.hpp"

namespace pe = personalize_events;

// Of inline.cpp.
bool delivers_inline(pe::RecorderOptions options, const pe::ClientOptions& client);

namespace {

class Accepting final : public pe::Transport {
 public:
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest&) override {
    return pe::HttpResponse{200, {{"x-amzn-RequestId", "id"}}, ""};
  }
};

}  // namespace

int main() {
  pe::ClientOptions given;
  given.region = "eu-west-1";
  given.credentials = pe::static_credentials({"AKIDEXAMPLE", "secret"});
  given.transport = std::make_shared<Accepting>();
  pe::RecorderOptions recording;
  recording.tracking_id = "tracker";
  const pe::PutEventsRequest request{"tracker", "session", {pe::Event{"Watch"}}};

  const auto client = pe::compiled::make_client(given);
  const auto with = pe::compiled::make_client_with(given);
  const auto async = pe::compiled::make_async_client(given);
  const auto async_with = pe::compiled::make_async_client_with(given);
  if (!client || !with || !async || !async_with) return 1;
  if (!client->put_events(request) || !with->put_events(request)) return 2;
  if (!async->put_events(request).get() || !async_with->put_events(request).get()) return 3;

  auto recorder = pe::compiled::make_recorder(recording, given);
  auto recorder_with = pe::compiled::make_recorder_with(recording, given);
  auto shared = pe::compiled::make_recorder(recording, *async);
  for (auto* each : {&recorder, &recorder_with, &shared}) {
    if (!*each || !(*each)->record({"session"}, pe::Event{"Watch"})) return 4;
    if ((*each)->close(std::chrono::seconds{60}).delivered != 1) return 5;
  }
  if (!delivers_inline(recording, given)) return 6;
  if (pe::compiled::explain(given).empty()) return 7;
  std::puts("compiled and inline factories work in one program");
  return 0;
}
