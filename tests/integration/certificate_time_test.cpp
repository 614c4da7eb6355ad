// SPDX-License-Identifier: Apache-2.0
//
// Calls over TLS to a server whose certificate is not valid by this machine's clock, as on a device
// whose battery was changed: the error names the clock.

#include <chrono>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/curl_async_transport.hpp"
#include "personalize_events/curl_transport.hpp"
#include "support/client_world.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;
using namespace std::chrono_literals;

namespace {

// Transports that go through no proxy of the environment.
class DirectTransport final : public pe::Transport {
 public:
  explicit DirectTransport(pe::HttpOptions options) : curl_(std::move(options)) {}
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    pe::HttpRequest direct = request;
    direct.direct = true;
    return curl_.send(direct);
  }

 private:
  pe::CurlTransport curl_;
};

class DirectAsyncTransport final : public pe::AsyncTransport {
 public:
  explicit DirectAsyncTransport(pe::HttpOptions options) : curl_(std::move(options)) {}
  std::uint64_t start(pe::HttpRequest request, Done done) override {
    request.direct = true;
    return curl_.start(std::move(request), std::move(done));
  }
  void cancel(std::uint64_t request) override { curl_.cancel(request); }
  void poll(std::chrono::milliseconds at_most) override { curl_.poll(at_most); }
  void wake() override { curl_.wake(); }

 private:
  pe::CurlAsyncTransport curl_;
};

// The error of a call to a server whose certificate is valid for two days from then on.
pe::Error error_of_call(std::chrono::hours certificate_begins_in, bool is_async) {
  const test::SelfSigned identity{certificate_begins_in};
  const test::TlsServer server{identity};
  pe::ClientOptions options;
  options.region = "us-east-1";
  options.endpoint_url = "https://127.0.0.1:" + std::to_string(server.port());
  options.credentials = pe::static_credentials(test::temporary_credentials());
  options.http.ca_file = identity.certificate();
  const auto request = test::put_events_request();
  if (is_async) {
    options.async_transport = std::make_shared<DirectAsyncTransport>(options.http);
    const auto result = pe::AsyncClient{options}.put_events(request).get();
    REQUIRE_FALSE(result);
    return result.error();
  }
  options.transport = std::make_shared<DirectTransport>(options.http);
  const auto result = pe::Client{options}.put_events(request);
  REQUIRE_FALSE(result);
  return result.error();
}

}  // namespace

TEST_CASE("A certificate that is not valid at this machine's time is an error of the clock") {
  if (!test::has_openssl_command()) {
    std::cout << "SKIPPED: certificates of another time, for want of the openssl command\n";
    return;
  }
  const bool is_async = GENERATE(false, true);
  const std::chrono::hours begins_in = GENERATE(24h, -72h);  // from tomorrow on, to yesterday
  CAPTURE(is_async, begins_in.count());
  const pe::Error error = error_of_call(begins_in, is_async);
  CHECK(error.kind == pe::ErrorKind::Transport);
  CHECK(error.code == "ClockSkew");
  CHECK(error.retryable);
  CHECK(error.attempts == 3);
  CHECK_FALSE(error.connected);
  CHECK_FALSE(error.may_have_been_delivered);
  CHECK_THAT(error.message, test::ContainsSubstring("clock"));
}

TEST_CASE("A certificate that is valid now is no error of the clock") {
  if (!test::has_openssl_command()) return;
  const pe::Error error = error_of_call(-1h, GENERATE(false, true));
  CHECK(error.code != "ClockSkew");  // the server is no service
  CHECK(error.connected);
}
