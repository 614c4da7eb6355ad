// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/testing/endpoint_plan.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::testing::faulty_bytes;
using pe::testing::Sending;

namespace {

const pe::HttpResponse kAnswer{200, {{"Date", "today"}}, "0123456789"};
const std::string kHead =
    "HTTP/1.1 200 Answer\r\nDate: today\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";

}  // namespace

TEST_CASE("A plan without more is to send the answer whole and at once") {
  const pe::testing::EndpointPlan plan;
  CHECK(plan.sending == Sending::Whole);
  CHECK(plan.delay.count() == 0);
  CHECK_FALSE(plan.wait.has_value());
}

TEST_CASE("A dripped answer is complete") {
  CHECK(faulty_bytes(kAnswer, Sending::Dripped) == kHead + "0123456789");
}

TEST_CASE("An answer is cut in its head, or in the body that its head announces") {
  CHECK(faulty_bytes(kAnswer, Sending::CutInHead) == kHead.substr(0, kHead.size() / 2));
  CHECK(faulty_bytes(kAnswer, Sending::CutInBody) == kHead + "01234");
}

TEST_CASE("An endless answer says no length") {
  CHECK(faulty_bytes(kAnswer, Sending::Endless) ==
        "HTTP/1.1 200 Answer\r\nDate: today\r\nConnection: close\r\n\r\n0123456789");
}

TEST_CASE("An empty body becomes one that can be cut") {
  const std::string bytes = faulty_bytes({200, {}, {}}, Sending::CutInBody);
  CHECK_THAT(bytes, test::ContainsSubstring("Content-Length: 2\r\n\r\n{"));
  CHECK(bytes.back() == '{');
}
