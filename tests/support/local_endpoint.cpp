// SPDX-License-Identifier: Apache-2.0

#include "support/local_endpoint.hpp"

#include <memory>
#include <utility>

#include "catch.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/testing/local_endpoint.hpp"

namespace pe = personalize_events;

namespace test {
namespace {

/// Carries each request directly.
class DirectTransport : public pe::Transport {
 public:
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    pe::HttpRequest direct = request;
    direct.direct = true;
    return curl_.send(direct);
  }

 private:
  pe::CurlTransport curl_{};
};

}  // namespace

pe::Result<pe::testing::LocalEndpoint> start_local_endpoint(
    pe::testing::LocalEndpointOptions options) {
  return pe::testing::LocalEndpoint::start(std::move(options));
}

pe::testing::LocalEndpoint local_endpoint(pe::testing::LocalEndpointOptions options) {
  auto endpoint = start_local_endpoint(std::move(options));
  if (!endpoint) FAIL(pe::to_string(endpoint.error()));
  return *std::move(endpoint);
}

pe::ClientOptions client_options(const pe::testing::LocalEndpoint& endpoint) {
  pe::ClientOptions options;
  options.endpoint_url = endpoint.url();
  options.region = endpoint.region();
  options.credentials = pe::static_credentials(endpoint.credentials());
  options.transport = std::make_shared<DirectTransport>();
  return options;
}

}  // namespace test
