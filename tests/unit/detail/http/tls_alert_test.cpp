// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/tls_alert.hpp"

#include "catch.hpp"

namespace detail = personalize_events::detail;

TEST_CASE("An alert is read from the texts of each TLS library that numbers its errors") {
  // OpenSSL 3, OpenSSL 1.1 and LibreSSL, BoringSSL.
  CHECK(detail::tls_alert("OpenSSL SSL_read: OpenSSL/3.0.19: error:0A00045C:SSL routines::tlsv13 "
                          "alert certificate required, errno 0") == 116);
  CHECK(detail::tls_alert("error:1409445C:SSL routines:ssl3_read_bytes:tlsv13 alert certificate "
                          "required, errno 0") == 116);
  CHECK(detail::tls_alert("error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT") == 116);
  CHECK(detail::tls_alert("error:0A000410:SSL routines::sslv3 alert handshake failure") == 40);
}

TEST_CASE("A reason of OpenSSL's own is no alert") {
  const char* text = "OpenSSL/3.0.19: error:0A00010B:SSL routines::wrong version number";
  CHECK(detail::tls_reason(text) == detail::kWrongVersionNumber);
  CHECK(detail::tls_alert(text) == 0);
}

TEST_CASE("The error of another module and what is no number are passed over") {
  CHECK(detail::tls_reason("OpenSSL error error:80000002:system library::No such file") == 0);
  CHECK(detail::tls_reason(
            "error error:0480006C:PEM routines::no start line, error:0A000410:SSL") == 1040);
  for (const char* text : {"", "error:", "error:0A00041", "error:0A00041:", "error:-A000410",
                           "error:0x000410", "SSL certificate verification failed",
                           "Recv failure: Connection reset by peer", "error: 0A000410"}) {
    CAPTURE(text);
    CHECK(detail::tls_reason(text) == 0);
    CHECK(detail::tls_alert(text) == 0);
  }
  // close_notify, and what is beyond the numbers of alerts.
  CHECK(detail::tls_alert("error:0A0003E8:SSL routines::reason(1000)") == 0);
  CHECK(detail::tls_alert("error:0A0004E8:SSL routines::reason(1256)") == 0);
}

TEST_CASE("The alerts about a client certificate are known") {
  for (const int number : {42, 43, 44, 45, 46, 48, 49, 116}) {
    CHECK(detail::is_about_client_certificate(number));
  }
  for (const int number : {0, 10, 40, 47, 50, 51, 70, 71, 80, 86, 90, 112, 113, 114, 115, 120}) {
    CHECK_FALSE(detail::is_about_client_certificate(number));
  }
}
