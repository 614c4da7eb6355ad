// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/http/transport.hpp"

#include <memory>
#include <utility>

#include "catch.hpp"

namespace pe = personalize_events;

namespace {

/// As an application writes one, and notes its end.
class EchoTransport : public pe::Transport {
 public:
  explicit EchoTransport(bool& destroyed) : destroyed_(destroyed) {}
  EchoTransport(const EchoTransport&) = delete;
  EchoTransport& operator=(const EchoTransport&) = delete;
  ~EchoTransport() override { destroyed_ = true; }

  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    return pe::HttpResponse{200, request.headers, request.body};
  }

 private:
  bool& destroyed_;
};

}  // namespace

TEST_CASE("A transport of the application's own is used and destroyed through the interface") {
  bool destroyed = false;
  std::unique_ptr<pe::Transport> transport = std::make_unique<EchoTransport>(destroyed);
  const auto answer = transport->send({"POST", "http://host/", {{"Name", "value"}}, "body"});
  REQUIRE(answer.has_value());
  CHECK(answer->body == "body");
  CHECK(answer->headers == pe::Headers{{"Name", "value"}});
  transport.reset();
  CHECK(destroyed);
}
