// SPDX-License-Identifier: Apache-2.0
//
// A transport of your own: one class with one function. This one counts what it carries and leaves
// the carrying to libcurl; a device with an HTTP stack of its own calls that in the same place.
//
//   AWS_REGION=eu-west-1 ./custom_transport TRACKING_ID
#include <personalize_events/personalize_events.hpp>

#include <atomic>
#include <cstdio>
#include <memory>

namespace pe = personalize_events;

//! [transport]
class CountingTransport : public pe::Transport {
 public:
  // Called from every thread that uses the client. The request goes out as it is: it is signed.
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    ++requests_;
    auto response = curl_.send(request);
    if (!response) ++failures_;
    return response;
  }

  int requests() const { return requests_; }
  int failures() const { return failures_; }

 private:
  pe::CurlTransport curl_{};
  std::atomic<int> requests_{0};
  std::atomic<int> failures_{0};
};
//! [transport]

int fail(const pe::Error& error) {
  std::fprintf(stderr, "%s\n", pe::to_string(error).c_str());
  return 1;
}

int main(int argc, char** argv) {
  auto transport = std::make_shared<CountingTransport>();
  pe::ClientOptions options;
  options.transport = transport;
  auto client = pe::make_client(options);
  if (!client) return fail(client.error());

  for (const char* item : {"movie-1", "movie-2"}) {
    pe::Event watch{"Watch"};
    watch.item_id = item;
    pe::PutEventsRequest request{argc > 1 ? argv[1] : "tracking-id", "session-1", {watch}};
    auto sent = client->put_events(request);
    if (!sent) return fail(sent.error());
  }
  std::printf("%d requests, %d without an answer\n", transport->requests(), transport->failures());
  return 0;
}
