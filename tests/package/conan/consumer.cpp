// SPDX-License-Identifier: Apache-2.0
//
// Makes a client over libcurl and reads what a request without events gets, which needs no service.
#include <personalize_events/personalize_events.hpp>

namespace pe = personalize_events;

int main() {
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.credentials = pe::static_credentials({"key", "secret"});
  auto client = pe::make_client(options);
  if (!client) return 1;
  const auto sent = client->put_events({"tracking-id", "session-1", {}});
  return !sent && sent.error().kind == pe::ErrorKind::InvalidArgument ? 0 : 1;
}
