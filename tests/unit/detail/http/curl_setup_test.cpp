// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/curl_setup.hpp"

#include "catch.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

TEST_CASE("libcurl is initialised, however often that is asked for") {
  CHECK(detail::initialise_curl().has_value());
  CHECK(detail::initialise_curl().has_value());
}

TEST_CASE("A refused option is named, and only the first one") {
  CURL* handle = curl_easy_init();
  REQUIRE(handle != nullptr);
  detail::CurlSetup setup{handle};
  CHECK(setup.result().has_value());
  const auto unknown = static_cast<CURLoption>(9999);
  setup.set_if_built_in(unknown, "TOLERATED", 1L);
  CHECK(setup.result().has_value());
  setup.set(unknown, "FIRST", 1L);
  setup.set_if_built_in(unknown, "SECOND", 1L);
  const auto result = setup.result();
  curl_easy_cleanup(handle);
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Configuration);
  CHECK(result.error().where == "FIRST");
}

TEST_CASE("OpenSSL and its kin are known by their names, if they are in use") {
  for (const char* version : {"OpenSSL/3.0.19", "OpenSSL/1.1.1k", "LibreSSL/3.3.6", "BoringSSL",
                              "AWS-LC/1.0", "(GnuTLS/3.7.9) OpenSSL/3.0.19"}) {
    CAPTURE(version);
    CHECK(detail::is_openssl(version));
  }
  for (const char* version : {"", "GnuTLS/3.7.9", "NSS/3.87", "mbedTLS/3.5.0", "Schannel",
                              "wolfSSL/5.6", "(OpenSSL/3.0.19) Schannel"}) {
    CAPTURE(version);
    CHECK_FALSE(detail::is_openssl(version));
  }
}
