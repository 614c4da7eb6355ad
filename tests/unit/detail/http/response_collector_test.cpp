// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/response_collector.hpp"

#include <string>
#include <vector>

#include "catch.hpp"

namespace pe = personalize_events;
using pe::detail::ResponseCollector;

namespace {

bool take_all(ResponseCollector& collector, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    if (!collector.take_head_line(line)) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("A response is collected as it came") {
  ResponseCollector collector;
  CHECK(collector.status() == 0);
  REQUIRE(take_all(collector, {"HTTP/1.1 404 Not Found\r\n", "Content-Type:application/json\r\n",
                               "Date: \t today \r\n"}));
  CHECK(collector.status() == 404);
  CHECK_FALSE(collector.has_whole_head());
  REQUIRE(take_all(collector, {"Empty:\r\n", "\r\n"}));
  CHECK(collector.has_whole_head());
  REQUIRE(collector.take_body("{\"a\""));
  REQUIRE(collector.take_body(":1}"));
  const pe::HttpResponse response = collector.take_response();
  CHECK(response.status == 404);
  CHECK(response.headers ==
        pe::Headers{{"Content-Type", "application/json"}, {"Date", "today"}, {"Empty", ""}});
  CHECK(response.body == "{\"a\":1}");
}

TEST_CASE("A reason phrase may be absent and a line end bare") {
  ResponseCollector collector;
  REQUIRE(take_all(collector, {"HTTP/1.1 204\n", "\n"}));
  CHECK(collector.status() == 204);
  CHECK(collector.has_whole_head());
}

TEST_CASE("A status line that has no number is no status line") {
  const std::string line =
      GENERATE("HTTP/1.1 2x0 OK\r\n", "HTTP/1.1\r\n", "HTTP/1.1 20\r\n", "\r\n");
  CAPTURE(line);
  ResponseCollector collector;
  REQUIRE(take_all(collector, {line, "\r\n"}));
  CHECK(collector.status() == 0);
  CHECK_FALSE(collector.has_whole_head());
}

TEST_CASE("Interim responses and trailers are dropped") {
  ResponseCollector collector;
  REQUIRE(take_all(collector, {"HTTP/1.1 100 Continue\r\n", "Interim: yes\r\n", "\r\n",
                               "HTTP/1.1 103 Early Hints\r\n", " folded\r\n", "\r\n"}));
  CHECK(collector.status() == 0);
  CHECK_FALSE(collector.has_whole_head());
  REQUIRE(take_all(collector,
                   {"HTTP/1.1 200 OK\r\n", "Final: yes\r\n", "\r\n", "Trailer: yes\r\n", "\r\n"}));
  const pe::HttpResponse response = collector.take_response();
  CHECK(response.status == 200);
  CHECK(response.headers == pe::Headers{{"Final", "yes"}});
}

TEST_CASE("A folded line goes on with the one before it") {
  ResponseCollector collector;
  REQUIRE(take_all(collector, {"HTTP/1.1 200 OK\r\n", "  lost\r\n", "Name: one\r\n", " \t two \r\n",
                               "no colon\r\n", "\r\n"}));
  CHECK(collector.take_response().headers == pe::Headers{{"Name", "one two"}});
}

TEST_CASE("Bounds hold to the byte and to the field") {
  SECTION("body") {
    ResponseCollector collector;
    REQUIRE(collector.take_body(std::string(pe::detail::kMaxResponseBody, 'b')));
    CHECK_FALSE(collector.too_large());
    CHECK_FALSE(collector.take_body("b"));
    CHECK(collector.too_large());
    CHECK(collector.take_response().body.size() == pe::detail::kMaxResponseBody);
  }
  SECTION("bytes of header lines") {
    ResponseCollector collector;
    const std::string status = "HTTP/1.1 200 OK\r\n";
    REQUIRE(collector.take_head_line(status));
    REQUIRE(collector.take_head_line(
        "N:" + std::string(pe::detail::kMaxResponseHead - status.size() - 4, 'v') + "\r\n"));
    CHECK_FALSE(collector.take_head_line("\n"));
    CHECK(collector.too_large());
  }
  SECTION("number of fields") {
    ResponseCollector collector;
    REQUIRE(collector.take_head_line("HTTP/1.1 200 OK\r\n"));
    for (std::size_t i = 0; i < pe::detail::kMaxResponseFields; ++i)
      REQUIRE(collector.take_head_line("N: v\r\n"));
    const bool one_more = GENERATE(false, true);
    REQUIRE(collector.take_head_line(one_more ? "N: v\r\n" : "\r\n"));
    CHECK(collector.has_whole_head() != one_more);
    CHECK_FALSE(collector.take_head_line("\r\n"));
  }
}
