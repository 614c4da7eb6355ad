// SPDX-License-Identifier: Apache-2.0
#include "personalize_events/detail/http/curl_failure.hpp"

#include <string>

#include "catch.hpp"

namespace pe = personalize_events;
namespace detail = personalize_events::detail;

namespace {

detail::CurlFailure failure(CURLcode code, bool connected, int status = 0) {
  detail::CurlFailure made;
  made.code = code;
  made.connected = connected;
  made.status = status;
  return made;
}

void check(const detail::CurlFailure& what, pe::ErrorKind kind, bool retryable) {
  CAPTURE(what.code, what.connected, what.status);
  const detail::CurlVerdict verdict = detail::judge(what);
  CHECK(pe::to_string(verdict.kind) == std::string{pe::to_string(kind)});
  CHECK(verdict.retryable == retryable);
  CHECK(std::string{verdict.message}.size() > 20);
}

}  // namespace

TEST_CASE("Codes that say all by themselves") {
  using Kind = pe::ErrorKind;
  check(failure(CURLE_COULDNT_RESOLVE_HOST, false), Kind::Transport, true);
  check(failure(CURLE_COULDNT_RESOLVE_PROXY, false), Kind::Transport, true);
  check(failure(CURLE_COULDNT_CONNECT, false), Kind::Transport, true);
  check(failure(CURLE_SSL_CONNECT_ERROR, false), Kind::Transport, true);
  check(failure(CURLE_PEER_FAILED_VERIFICATION, false), Kind::Transport, false);
  check(failure(CURLE_SSL_CACERT_BADFILE, false), Kind::Configuration, false);
  check(failure(CURLE_SSL_CERTPROBLEM, false), Kind::Configuration, false);
  check(failure(CURLE_URL_MALFORMAT, false), Kind::Configuration, false);
  check(failure(CURLE_LOGIN_DENIED, false), Kind::Configuration, false);
  check(failure(CURLE_UNSUPPORTED_PROTOCOL, false), Kind::Configuration, false);
  check(failure(CURLE_OPERATION_TIMEDOUT, false), Kind::Timeout, true);
  check(failure(CURLE_OPERATION_TIMEDOUT, true, 200), Kind::Timeout, true);
  CHECK_THAT(
      detail::judge(failure(CURLE_PEER_FAILED_VERIFICATION, false)).message,
      test::ContainsSubstring("HttpOptions::ca_file") && test::ContainsSubstring("AWS_CA_BUNDLE"));
}

TEST_CASE("A certificate that this machine's clock makes invalid names the clock") {
  detail::CurlFailure skewed = failure(CURLE_PEER_FAILED_VERIFICATION, false);
  for (const long result : {detail::kNotYetValid, detail::kHasExpired}) {
    skewed.verify_result = result;
    check(skewed, pe::ErrorKind::Transport, true);
    CHECK(detail::judge(skewed).code == std::string{"ClockSkew"});
    CHECK_THAT(detail::judge(skewed).message, test::ContainsSubstring("clock"));
  }
  skewed.verify_result = 18;  // self-signed
  check(skewed, pe::ErrorKind::Transport, false);
  CHECK(detail::judge(skewed).code == std::string{});
}

TEST_CASE("A server that restarts between two requests is a lost connection") {
  const detail::CurlFailure lost = failure(CURLE_COULDNT_CONNECT, true);
  check(lost, pe::ErrorKind::Transport, true);
  CHECK_THAT(detail::judge(lost).message, test::ContainsSubstring("lost"));
  check(failure(CURLE_COULDNT_CONNECT, false), pe::ErrorKind::Transport, true);
}

TEST_CASE("A lack of descriptors or memory is reported as such until there is a connection") {
  for (const CURLcode code :
       {CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CONNECT_ERROR, CURLE_FAILED_INIT,
        CURLE_OUT_OF_MEMORY}) {
    CHECK(detail::may_lack_descriptors(code));
    detail::CurlFailure lacking = failure(code, false);
    lacking.lacks_descriptors = true;
    check(lacking, pe::ErrorKind::Transport, true);
    CHECK(detail::judge(lacking).code == std::string{"NoDescriptors"});
    CHECK_THAT(detail::judge(lacking).message,
               test::ContainsSubstring("ulimit -n") && test::ContainsSubstring("AsyncClient"));
  }
  for (const CURLcode code : {CURLE_OPERATION_TIMEDOUT, CURLE_RECV_ERROR, CURLE_URL_MALFORMAT,
                              CURLE_PEER_FAILED_VERIFICATION}) {
    CHECK_FALSE(detail::may_lack_descriptors(code));
    CHECK(detail::judge(failure(code, false)).code == std::string{});
  }
  check(failure(CURLE_OUT_OF_MEMORY, false), pe::ErrorKind::Transport, true);
  CHECK(detail::judge(failure(CURLE_OUT_OF_MEMORY, false)).code == std::string{"NoMemory"});
  CHECK(detail::judge(failure(CURLE_OUT_OF_MEMORY, true)).code == std::string{});
}

TEST_CASE("A broken connection is judged by how far the exchange came") {
  const CURLcode code =
      GENERATE(CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE);
  check(failure(code, false), pe::ErrorKind::Transport, true);
  check(failure(code, true), pe::ErrorKind::Transport, true);
  check(failure(code, true, 200), pe::ErrorKind::Response, true);
}

TEST_CASE("Any other code is judged likewise, and an answer without a status is not HTTP") {
  const CURLcode code = GENERATE(CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_HTTP3);
  check(failure(code, true), pe::ErrorKind::Response, true);
  check(failure(code, true, 200), pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(failure(code, true)).message, test::ContainsSubstring("not HTTP"));
  check(failure(CURLE_HTTP3, false), pe::ErrorKind::Transport, true);
}

TEST_CASE("A response that passes a bound, and a proxy that refuses, are told as such") {
  detail::CurlFailure large = failure(CURLE_WRITE_ERROR, true);
  large.too_large = true;
  check(large, pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(large).message, test::ContainsSubstring("64 KiB"));

  detail::CurlFailure proxy = failure(CURLE_RECV_ERROR, false);
  proxy.proxy_status = 407;
  check(proxy, pe::ErrorKind::Transport, false);
  proxy.proxy_status = 503;
  check(proxy, pe::ErrorKind::Transport, true);
  CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("proxy"));
}

TEST_CASE("A header line that libcurl takes for a lack of memory is too large") {
  const detail::CurlFailure large = failure(CURLE_OUT_OF_MEMORY, true, GENERATE(0, 200));
  check(large, pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(large).message,
             test::ContainsSubstring("header line") && test::ContainsSubstring("too large") &&
                 test::ContainsSubstring("endpoint URL") && test::ContainsSubstring("proxy"));
  CHECK(detail::cause_of(large).empty());
  CHECK(detail::cause_of(failure(CURLE_OUT_OF_MEMORY, false)) == "Out of memory");
  CHECK_THAT(detail::judge(failure(static_cast<CURLcode>(detail::kTooLarge), true)).message,
             test::ContainsSubstring("header line"));
}

TEST_CASE("What is wrong with a response is named") {
  detail::CurlFailure broken = failure(CURLE_RECV_ERROR, true, 200);
  broken.text = "Out of memory in chunked-encoding";
  check(broken, pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(broken).message, test::ContainsSubstring("trailer"));
  check(failure(CURLE_WEIRD_SERVER_REPLY, true, 200), pe::ErrorKind::Response, true);
  CHECK_THAT(detail::judge(failure(CURLE_WEIRD_SERVER_REPLY, true, 200)).message,
             test::ContainsSubstring("malformed header"));
}

TEST_CASE("An alert about the client's certificate is no lost connection") {
  // Under TLS 1.3 it comes in place of the response, under TLS 1.2 within the handshake.
  detail::CurlFailure refused = failure(GENERATE(CURLE_RECV_ERROR, CURLE_SSL_CONNECT_ERROR), false);
  refused.text = GENERATE("error:0A00045C:SSL routines::tlsv13 alert certificate required, errno 0",
                          "error:0A000412:SSL routines::sslv3 alert bad certificate",
                          "error:0A000418:SSL routines::tlsv1 alert unknown ca");
  check(refused, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(refused).message,
             test::ContainsSubstring("requires a client certificate") &&
                 test::ContainsSubstring("HttpOptions::client_certificate"));
  refused.has_client_certificate = true;
  check(refused, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(refused).message,
             test::ContainsSubstring("rejected the client certificate") &&
                 test::ContainsSubstring("HttpOptions::client_certificate"));
  CHECK_THAT(detail::cause_of(refused), test::ContainsSubstring("TLS alert "));
  // With a response the connection was accepted.
  refused.code = CURLE_RECV_ERROR;
  refused.status = 200;
  refused.connected = true;
  check(refused, pe::ErrorKind::Response, true);
}

TEST_CASE("libcurl's own code for a missing client certificate is told likewise") {
#if LIBCURL_VERSION_NUM >= 0x074d00
  const detail::CurlFailure missing = failure(CURLE_SSL_CLIENTCERT, false);
  check(missing, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(missing).message,
             test::ContainsSubstring("HttpOptions::client_certificate"));
  CHECK(detail::cause_of(missing) == "TLS alert 116, certificate_required");
#endif
}

TEST_CASE("An expired client certificate is not taken for the server's") {
  detail::CurlFailure expired = failure(CURLE_PEER_FAILED_VERIFICATION, false);
  expired.text = "SSL certificate verification failed";
  expired.verify_result = 1;
  check(expired, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(expired).message, test::ContainsSubstring("requires a client"));
  expired.has_client_certificate = true;
  check(expired, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(expired).message,
             test::ContainsSubstring("client certificate has expired"));
  CHECK(detail::cause_of(expired) == "TLS alert 45, certificate_expired");
  expired.text = "SSL certificate problem: self-signed certificate";
  CHECK_THAT(detail::judge(expired).message, test::ContainsSubstring("ca_file"));
}

TEST_CASE("A handshake is judged by what ended it") {
  struct Ended {
    const char* text;
    bool retryable;
    const char* named;
  };
  const Ended all[] = {
      {"error:0A000410:SSL routines::sslv3 alert handshake failure", false, "client_certificate"},
      {"error:0A00042E:SSL routines::tlsv1 alert protocol version", false, "TLS 1.2"},
      {"error:0A000458:SSL routines::tlsv1 unrecognized name", false, "host name"},
      {"error:0A000438:SSL routines::tlsv1 alert internal error", true, "TLS"},
      {"error:0A00010B:SSL routines::wrong version number", false, "does not speak TLS"},
      {"error:0A000102:SSL routines::unsupported protocol", false, "TLS 1.2"},
      {"error:0A000126:SSL routines::unexpected eof while reading", true, "closed during"},
      {"OpenSSL SSL_connect: SSL_ERROR_SYSCALL in connection to h:1 ", true, "closed during"},
      {"Recv failure: Connection reset by peer", true, "closed during"},
      {"gnutls_handshake() failed: The TLS connection was non-properly terminated.", true, "TLS"},
  };
  for (const Ended& ended : all) {
    detail::CurlFailure handshake = failure(CURLE_SSL_CONNECT_ERROR, false);
    handshake.text = ended.text;
    check(handshake, pe::ErrorKind::Transport, ended.retryable);
    CHECK_THAT(detail::judge(handshake).message, test::ContainsSubstring(ended.named));
  }
}

TEST_CASE("A certificate that does not pass says what to check") {
  detail::CurlFailure refused = failure(CURLE_PEER_FAILED_VERIFICATION, false);
  refused.verify_result = 20;
  check(refused, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(refused).message, test::ContainsSubstring("ca-certificates") &&
                                                 test::ContainsSubstring("HttpOptions::ca_file"));
  refused.has_trust = true;
  CHECK_THAT(detail::judge(refused).message, !test::ContainsSubstring("ca-certificates") &&
                                                 test::ContainsSubstring("HttpOptions::ca_file"));
  refused.text = "SSL certificate problem: EE certificate key too weak";
  check(refused, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(refused).message, test::ContainsSubstring("too weak"));
  for (const char* text :
       {"SSL: no alternative certificate subject name matches target host name 'h'",
        "SSL: certificate subject name 'a' does not match target host name 'h'"}) {
    refused.verify_result = 1;
    refused.text = text;
    check(refused, pe::ErrorKind::Transport, false);
    CHECK_THAT(detail::judge(refused).message, test::ContainsSubstring("for another host") &&
                                                   test::ContainsSubstring("endpoint URL") &&
                                                   !test::ContainsSubstring("ca_file"));
  }
  refused.text = "SSL certificate problem: self-signed certificate";
  refused.verify_result = 0;
  refused.proxy_verify_result = 18;
  check(refused, pe::ErrorKind::Transport, false);
  CHECK_THAT(detail::judge(refused).message, test::ContainsSubstring("HTTPS proxy"));
}

TEST_CASE("Files for TLS that cannot be used are named by their option") {
  detail::CurlFailure unreadable = failure(CURLE_SSL_CACERT_BADFILE, false);
  check(unreadable, pe::ErrorKind::Configuration, false);
  CHECK_THAT(detail::judge(unreadable).message, test::ContainsSubstring("ca-certificates"));
  unreadable.has_trust = true;
  check(unreadable, pe::ErrorKind::Configuration, false);
  CHECK_THAT(detail::judge(unreadable).message, !test::ContainsSubstring("ca-certificates"));
  unreadable.code = CURLE_SSL_CERTPROBLEM;
  unreadable.text = "could not load PEM client certificate from /path, OpenSSL error";
  check(unreadable, pe::ErrorKind::Configuration, false);
  CHECK_THAT(detail::judge(unreadable).message, !test::ContainsSubstring("client_key"));
  unreadable.has_client_certificate = true;
  unreadable.text = "unable to set private key file: '/path' type PEM";
  unreadable.code = GENERATE(CURLE_SSL_CERTPROBLEM, CURLE_BAD_FUNCTION_ARGUMENT);
  check(unreadable, pe::ErrorKind::Configuration, false);
  CHECK_THAT(detail::judge(unreadable).message, test::ContainsSubstring("HttpOptions::client_key"));
}

TEST_CASE("A proxy that cannot be used is named, not the endpoint") {
  detail::CurlFailure proxy = failure(CURLE_COULDNT_CONNECT, false);
  CHECK_THAT(detail::judge(proxy).message, !test::ContainsSubstring("proxy"));
  proxy.uses_proxy = true;
  check(proxy, pe::ErrorKind::Transport, true);
  CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("connect to the proxy") &&
                                               test::ContainsSubstring("HttpOptions::proxy"));
  proxy.code = CURLE_OPERATION_TIMEDOUT;
  check(proxy, pe::ErrorKind::Timeout, true);
  CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("HttpOptions::proxy"));
  proxy.code = CURLE_RECV_ERROR;
  for (const char* text : {"Proxy CONNECT aborted", "CONNECT tunnel failed, response 0",
                           "CONNECT response too large"}) {
    proxy.text = text;
    check(proxy, pe::ErrorKind::Transport, true);
    CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("as an HTTP proxy does"));
  }
  for (const CURLcode code : {CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_PROXY}) {
    proxy.code = code;
    proxy.text = "Unsupported proxy scheme for 'foo://host'";
    check(proxy, pe::ErrorKind::Configuration, false);
    CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("http://host:port"));
  }
#if LIBCURL_VERSION_NUM >= 0x074900
  proxy.code = CURLE_PROXY;
  proxy.text = "No authentication method was acceptable.";
  check(proxy, pe::ErrorKind::Transport, true);
  CHECK_THAT(detail::judge(proxy).message, test::ContainsSubstring("SOCKS"));
#endif
}

TEST_CASE("A server that closes a plain connection without a word may speak TLS") {
  detail::CurlFailure silent = failure(CURLE_GOT_NOTHING, true);
  CHECK_THAT(detail::judge(silent).message, !test::ContainsSubstring("https://"));
  silent.is_plain_http = true;
  check(silent, pe::ErrorKind::Transport, true);
  CHECK_THAT(detail::judge(silent).message, test::ContainsSubstring("https://"));
}
