// SPDX-License-Identifier: Apache-2.0
//
// The README's program: one event, sent. Region, endpoint and credentials come from the AWS
// environment:  AWS_REGION=eu-west-1 ./minimal TRACKING_ID
#include <personalize_events/make_client.hpp>

#include <cstdio>

namespace pe = personalize_events;

int fail(const pe::Error& error) {
  std::fprintf(stderr, "%s\n", pe::to_string(error).c_str());
  return 1;
}

int main(int argc, char** argv) {
  const char* tracking_id = argc > 1 ? argv[1] : "tracking-id";

  //! [call]
  auto client = pe::make_client();
  if (!client) return fail(client.error());

  pe::Event watch{"Watch"};
  watch.item_id = "movie-42";
  watch.properties = pe::Properties{{"device", "tv"}, {"rating", 4.5}};

  pe::PutEventsRequest request{tracking_id, "session-1", {watch}};
  request.user_id = "user-7";

  auto sent = client->put_events(request);
  if (!sent) return fail(sent.error());
  std::printf("sent in %d attempt(s)\n", sent->attempts);
  //! [call]
}
