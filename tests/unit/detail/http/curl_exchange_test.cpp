// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/curl_exchange.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

namespace {

pe::HttpRequest sound_request() {
  return {"POST", "https://host/events", {{"Name", "value"}}, "{}"};
}

}  // namespace

TEST_CASE("The place of a failure is host and port and nothing that is secret") {
  CHECK(detail::host_and_port("https://host/path?token=secret") == "host:443");
  CHECK(detail::host_and_port("http://user:secret@host:81/") == "host:81");
  CHECK(detail::host_and_port("http://[::1]:8080/") == "[::1]:8080");
  CHECK(detail::host_and_port("http://host:99999/").empty());
}

TEST_CASE("A handle that never connected is told from one that failed to send") {
  CURL* handle = curl_easy_init();
  REQUIRE(handle != nullptr);
  const pe::HttpRequest request = sound_request();
  const pe::HttpOptions options;
  detail::KeptConnections kept;
  detail::CurlExchange exchange{request, options, kept};
  CHECK(exchange.prepare(handle, request.timeout).has_value());
  const pe::Error refused_connection = exchange.finish(handle, CURLE_COULDNT_CONNECT).error();
  const pe::Error failed_send = exchange.finish(handle, CURLE_SEND_ERROR).error();
  curl_easy_cleanup(handle);

  CHECK_FALSE(refused_connection.connected);
  CHECK_FALSE(refused_connection.may_have_been_delivered);
  CHECK(refused_connection.where == "host:443");
  CHECK_THAT(refused_connection.message,
             test::ContainsSubstring(curl_easy_strerror(CURLE_COULDNT_CONNECT)));
  CHECK(failed_send.kind == pe::ErrorKind::Transport);
  CHECK(failed_send.connected);
  CHECK(failed_send.may_have_been_delivered);
}
