// SPDX-License-Identifier: Apache-2.0

#include "send_events/rejects.hpp"

#include <string_view>

#include "catch.hpp"

using send_events::json_string;

TEST_CASE("a row is a JSON string from which its bytes can be had back") {
  CHECK(json_string("") == "\"\"");
  CHECK(json_string("u,\"a\\b\"") == "\"u,\\\"a\\\\b\\\"\"");
  CHECK(json_string("a\r\n\x1f") == "\"a\\u000d\\u000a\\u001f\"");
  CHECK(json_string("\xE8\x8C\xB6") == "\"\xE8\x8C\xB6\"");
  CHECK(json_string("a\xFFz") == "\"a\\udcffz\"");
  CHECK(json_string("\xE8\x8C") == "\"\\udce8\\udc8c\"");  // cut short
}
