// SPDX-License-Identifier: Apache-2.0
//
// What to do about an error. It says what went wrong, whether trying again can help, and whether
// the events may have arrived all the same. The client has already tried again by itself.
//
//   AWS_REGION=eu-west-1 ./error_handling TRACKING_ID
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdio>
#include <thread>

namespace pe = personalize_events;

//! [advice]
const char* advice(const pe::Error& error) {
  switch (error.kind) {
    case pe::ErrorKind::InvalidArgument: return "mend the member that `where` names";
    case pe::ErrorKind::Configuration: return "mend the setting that `where` names";
    case pe::ErrorKind::Credentials: return "supply credentials";
    case pe::ErrorKind::Signing: return "look at the installation of OpenSSL";
    case pe::ErrorKind::Transport:
    case pe::ErrorKind::Timeout:
    case pe::ErrorKind::Response: return "look at the network, then try again";
    case pe::ErrorKind::Service:
      if (error.throttled) return "send more slowly";
      if (error.retryable) return "try again later";
      return "look up `code`; AWS Support will ask for `request_id`";
    default: return "this comes from a recorder, not from a client";
  }
}
//! [advice]

void tell(const pe::Error& error) {
  std::printf("%s\n  %s\n", pe::to_string(error).c_str(), advice(error));
  if (error.may_have_been_delivered) std::puts("  the events may have arrived all the same");
}

//! [patiently]
// Tries for longer than the client does by itself. The ids are given first: an event that arrives
// twice under one id is trained on once.
pe::Result<pe::PutResult> send_patiently(const pe::Client& client, pe::PutEventsRequest request) {
  pe::assign_event_ids(request);
  auto sent = client.put_events(request);
  for (int seconds = 1; seconds <= 2 && !sent && sent.error().retryable; seconds *= 2) {
    tell(sent.error());
    std::printf("again in %d s\n", seconds);
    std::this_thread::sleep_for(std::chrono::seconds{seconds});
    sent = client.put_events(request);
  }
  return sent;
}
//! [patiently]

int main(int argc, char** argv) {
  pe::ClientOptions options;
  // Every attempt can be seen, also those that the client repeats: the place for metrics.
  options.on_attempt = [](const pe::Attempt& attempt) {
    std::printf("attempt %d: HTTP status %d\n", attempt.number, attempt.http_status);
  };
  auto client = pe::make_client(options);
  if (!client) {
    tell(client.error());
    return 1;
  }

  const char* tracking_id = argc > 1 ? argv[1] : "tracking-id";
  pe::PutEventsRequest without_type{tracking_id, "session-1", {pe::Event{""}}};
  if (auto sent = client->put_events(without_type); !sent) tell(sent.error());

  auto sent = send_patiently(*client, {tracking_id, "session-1", {pe::Event{"Watch"}}});
  if (!sent) {
    tell(sent.error());
    return 1;
  }
  std::printf("sent at attempt %d\n", sent->attempts);
  return 0;
}
