// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/testing/endpoint_origin.hpp"

#include <string>

#include "catch.hpp"

namespace {

namespace pe = personalize_events;
namespace endpoint = personalize_events::testing::endpoint;

std::string code_of(const pe::Headers& headers) {
  const auto checked = endpoint::check_origin(headers, {"endpoint"});
  return checked ? "" : checked.error().code;
}

}  // namespace

TEST_CASE("hosts that are this machine are accepted with any port") {
  for (const char* host : {"127.0.0.1", "127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:80",
                           "[::1]", "personalize.localhost:1", "endpoint:8080"}) {
    CAPTURE(host);
    CHECK(code_of({{"Host", host}}).empty());
  }
  CHECK(code_of({}).empty());
}

TEST_CASE("another host is refused") {
  for (const char* host :
       {"attacker.example", "attacker.example:8080", "127.0.0.1.attacker.example", "localhost.evil",
        ".localhost", "evil-localhost", "127.0.0.1:80@evil", "127.0.0.1:evil", "[::1].evil", "",
        "127.0.0.2"}) {
    CAPTURE(host);
    CHECK(code_of({{"Host", host}}) == "ForeignHostException");
  }
  CHECK(code_of({{"Host", "127.0.0.1"}, {"host", "evil"}}) == "ForeignHostException");
}

TEST_CASE("only the endpoint's own origin is accepted") {
  CHECK(code_of({{"Host", "localhost:80"}, {"Origin", "http://localhost:80"}}).empty());
  for (const char* origin : {"http://attacker.example", "null", "http://localhost:81",
                             "https://localhost:80", "http://127.0.0.1:80", ""}) {
    CAPTURE(origin);
    CHECK(code_of({{"Host", "localhost:80"}, {"origin", origin}}) == "ForeignOriginException");
  }
  CHECK(code_of({{"Origin", "http://"}}) == "ForeignOriginException");
}
