// SPDX-License-Identifier: Apache-2.0
//
// Makes a client and explains its settings through compiled functions.
#include <cstdio>
#include <memory>

#include "personalize_events/compiled.hpp"
#include "personalize_events/transport.hpp"

namespace pe = personalize_events;

namespace {

class OwnTransport : public pe::Transport {
 public:
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest&) override {
    return pe::HttpResponse{200, {{"x-amzn-RequestId", "request-1"}}, {}};
  }
};

}  // namespace

int main() {
  pe::ClientOptions options;
  options.region = "eu-west-1";
  options.credentials = pe::static_credentials({"key", "secret"});
  options.transport = std::make_shared<OwnTransport>();
  const auto client = pe::compiled::make_client_with(options);
  if (!client) return 1;
  const auto sent = client->put_events({"tracking-id", "session-1", {pe::Event{"Watch"}}});
  std::puts(sent ? sent->request_id.c_str() : pe::to_string(sent.error()).c_str());
  return sent && !pe::compiled::explain(options).empty() ? 0 : 2;
}
