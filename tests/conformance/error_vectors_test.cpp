// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/wire/response.hpp"
#include "support/conformance.hpp"

namespace pe = personalize_events;
using test::member;

TEST_CASE("errors of restJson1 are read as Smithy's protocol tests say") {
  const pe::detail::json::Value suite = test::read_vectors("protocol/restjson_error_vectors.json");
  std::size_t count = 0, errors = 0;
  for (const pe::detail::json::Value& vector : member(suite, "cases").items) {
    ++count;
    INFO("case " << member(vector, "id").text);
    pe::HttpResponse response;
    response.status = std::stoi(member(vector, "status").text);
    response.body = member(vector, "body").text;
    for (const auto& [name, value] : member(vector, "headers").members)
      response.headers.emplace_back(name, value.text);

    const auto error = pe::detail::wire::error_of(response, pe::detail::wire::Connection::Trusted);
    const pe::detail::json::Value& code = member(vector, "expect_code");
    CHECK(error.has_value() == code.is(pe::detail::json::Value::Type::String));
    if (!error) continue;
    ++errors;
    CHECK(error->kind == pe::ErrorKind::Service);
    CHECK(error->http_status == response.status);
    CHECK(error->code == code.text);
    CHECK(error->message == member(vector, "expect_message").text);  // null has an empty text
  }
  test::report_conformance_cases(count, "protocol/restjson_error_vectors.json");
  CHECK(count == 14);
  CHECK(errors == 12);
}
