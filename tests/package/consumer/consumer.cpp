// SPDX-License-Identifier: Apache-2.0
//
// An application in small: it makes a client over libcurl and reads what a bad request gets, which
// needs no service.
#include <cstdio>

#include "personalize_events/personalize_events.hpp"

namespace pe = personalize_events;

int main() {
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.credentials = pe::static_credentials({"key", "secret"});
  auto client = pe::make_client(options);
  if (!client) {
    std::puts(pe::to_string(client.error()).c_str());
    return 1;
  }
  const pe::PutEventsRequest without_events{"tracking-id", "session-1"};
  const auto sent = client->put_events(without_events);
  if (sent || sent.error().kind != pe::ErrorKind::InvalidArgument) {
    std::puts("a request without events must be refused before it is sent");
    return 1;
  }
  std::puts(pe::to_string(sent.error()).c_str());
  return 0;
}
