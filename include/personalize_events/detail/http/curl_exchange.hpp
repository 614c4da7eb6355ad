// SPDX-License-Identifier: Apache-2.0
//
// CurlExchange: one request on one libcurl handle, from the handle's options to the response or
// the Error. CurlTransport runs it to its end, CurlAsyncTransport runs many side by side.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_CURL_EXCHANGE_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_CURL_EXCHANGE_HPP

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/detail/http/curl_failure.hpp"
#include "personalize_events/detail/http/curl_setup.hpp"
#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/http/kept_connections.hpp"
#include "personalize_events/detail/http/request_check.hpp"
#include "personalize_events/detail/http/response_collector.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/platform/shortage.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Frees what libcurl gave out. Header lines are wiped: they may hold a session token.
struct CurlDeleter {
  void operator()(curl_slist* list) const noexcept {
    for (const curl_slist* line = list; line != nullptr; line = line->next) {
      wipe(line->data, std::strlen(line->data));
    }
    curl_slist_free_all(list);
  }
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
  void operator()(char* text) const noexcept { curl_free(text); }
};

/// "host:port" of a URL, for `Error::where`: never its path, its query or a user name. Empty when
/// libcurl cannot read the URL.
[[nodiscard]] inline std::string host_and_port(const std::string& url) {
  const std::unique_ptr<CURLU, CurlDeleter> parsed{curl_url()};
  if (parsed == nullptr) return {};
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  const auto part = [&parsed](CURLUPart which) {
    char* text = nullptr;
    const bool known = curl_url_get(parsed.get(), which, &text, CURLU_DEFAULT_PORT) == CURLUE_OK;
    return std::unique_ptr<char, CurlDeleter>{known ? text : nullptr};
  };
  const auto host = part(CURLUPART_HOST);
  const auto port = part(CURLUPART_PORT);
  if (host == nullptr || port == nullptr) return {};
  return std::string{host.get()}.append(":").append(port.get());
}

/// Bytes a second below which a transfer stands still, and how long it may.
inline constexpr long kStallSpeed = 1;
inline constexpr long kStallSeconds = 60;

/// The Error of a request for which no connection became free within its timeout. `transport` is
/// the name of the class.
[[nodiscard]] inline Error no_free_connection(const char* transport) {
  Error error = make_error(
      ErrorKind::Timeout, transport,
      "no free connection in time; raise HttpOptions::max_connections or send less at once");
  error.retryable = true;
  return error;
}

/// One request on one handle. The request, the options and the exchange stay where they are until
/// `finish`; afterwards the handle is reset, so that it holds nothing of them.
///
/// libcurl would send a request once more by itself, on another connection, when a kept-alive one
/// ends before a byte of the response came. Two callbacks refuse that for a request with a body:
/// one the new socket, one the use of another kept connection (libcurl 7.80). The request fails
/// instead, and the caller retries it as any other. A request without a body, which is a GET or as
/// idempotent (RFC 9110, section 9.2.2), is left to libcurl.
///
/// @par Thread Safety
/// None: one thread at a time.
///
/// @par Error Handling
/// libcurl is C, and no exception may pass through it: a failing allocation for the response ends
/// the program.
class CurlExchange {
 public:
  /// `kept` belongs to the transport, as the options do.
  CurlExchange(const HttpRequest& request, const HttpOptions& options,
               KeptConnections& kept) noexcept
      : request_(request), options_(options), kept_(kept) {}
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  /// Writes the request, already checked by check_request, into a fresh or reset handle. `timeout`
  /// is what is left for the whole exchange. Errors: Configuration, Transport without memory.
  [[nodiscard]] Result<void> prepare(CURL* handle, std::chrono::milliseconds timeout) {
    handle_ = handle;
    if (!list_headers()) return no_resources("headers");
    CurlSetup setup{handle};
    set_request(setup);
    watch_connections(setup);
    set_response(setup);
    set_limits(setup, timeout);
    set_trust(setup);
    set_route(setup);
    setup.set(CURLOPT_ERRORBUFFER, "CURLOPT_ERRORBUFFER", error_text_);
    return setup.result();
  }

  /// The response or the Error, after libcurl ended the exchange with `code`.
  [[nodiscard]] Result<HttpResponse> finish(CURL* handle, CURLcode code) {
    if (code == CURLE_OK && collector_.has_whole_head()) return collector_.take_response();
    // An answer that ends inside its header block is whole to some releases of libcurl.
    if (code == CURLE_OK) code = CURLE_PARTIAL_FILE;
    return failed(handle, code);
  }

  /// The Error of an exchange that a failure of its multi handle ended.
  [[nodiscard]] Error abandoned(CURL* handle, CURLMcode code) const {
    const bool lacks_memory = code == CURLM_OUT_OF_MEMORY && !has_connected(handle, CURLE_OK);
    return failed(handle, lacks_memory ? CURLE_OUT_OF_MEMORY : CURLE_RECV_ERROR);
  }

  /// The Error of an exchange that its caller gives up before libcurl ended it.
  [[nodiscard]] Error cancelled(CURL* handle) const {
    Error error = cancelled_error(place_of({}), has_connected(handle, CURLE_OK));
    error.connected = error.may_have_been_delivered;
    return error;
  }

 private:
  [[nodiscard]] bool list_headers() {
    for (const auto& [name, value] : request_.headers) {
      // To libcurl "Name:" means "leave it out", and "Name;" an empty value.
      const bool is_empty = value.find_first_not_of(" \t\v\f") == std::string::npos;
      std::string line;
      line.reserve(name.size() + 2 + value.size());  // growing would leave copies behind
      const WipedAtEnd wipe_line{line};
      line.append(name);
      if (is_empty) {
        line.append(";");
      } else {
        line.append(": ").append(value);
      }
      if (!append_header(line)) return false;
    }
    // What libcurl would add by itself is neither signed nor wanted; Expect costs a round trip.
    for (const char* name : {"Accept", "Content-Type", "Expect"}) {
      if (find_header(request_.headers, name) != nullptr) continue;
      if (!append_header(std::string{name} + ":")) return false;
    }
    return true;
  }

  [[nodiscard]] bool append_header(const std::string& line) {
    curl_slist* extended = curl_slist_append(headers_.get(), line.c_str());
    if (extended == nullptr) return false;
    // The list's head is the same node again, unless the list was empty.
    static_cast<void>(headers_.release());
    headers_.reset(extended);
    return true;
  }

  void set_request(CurlSetup& setup) const {
    const std::string& method = request_.method;
    setup.set(CURLOPT_URL, "CURLOPT_URL", request_.url.c_str());
    // The path is signed: libcurl must not resolve "." and ".." in it.
    setup.set(CURLOPT_PATH_AS_IS, "CURLOPT_PATH_AS_IS", 1L);
    setup.set(CURLOPT_HTTPHEADER, "CURLOPT_HTTPHEADER", headers_.get());
    setup.set(CURLOPT_HEADEROPT, "CURLOPT_HEADEROPT", static_cast<long>(CURLHEADER_SEPARATE));
    if (method == "HEAD") {
      setup.set(CURLOPT_NOBODY, "CURLOPT_NOBODY", 1L);
    } else if (method == "GET" && request_.body.empty()) {
      setup.set(CURLOPT_HTTPGET, "CURLOPT_HTTPGET", 1L);
    } else {
      setup.set(CURLOPT_POST, "CURLOPT_POST", 1L);
      setup.set(CURLOPT_POSTFIELDSIZE_LARGE, "CURLOPT_POSTFIELDSIZE_LARGE",
                static_cast<curl_off_t>(request_.body.size()));
      setup.set(CURLOPT_POSTFIELDS, "CURLOPT_POSTFIELDS", request_.body.data());
      if (method != "POST") {
        setup.set(CURLOPT_CUSTOMREQUEST, "CURLOPT_CUSTOMREQUEST", method.c_str());
      }
    }
    // One exchange at a time has a connection for itself, so HTTP/2 would gain nothing, and on
    // HTTP/1.1 it is plain whether bytes of this very request have left.
    setup.set(CURLOPT_HTTP_VERSION, "CURLOPT_HTTP_VERSION",
              static_cast<long>(CURL_HTTP_VERSION_1_1));
    setup.set(CURLOPT_HTTP09_ALLOWED, "CURLOPT_HTTP09_ALLOWED", 0L);
    setup.set(CURLOPT_FOLLOWLOCATION, "CURLOPT_FOLLOWLOCATION", 0L);
    setup.set(CURLOPT_NETRC, "CURLOPT_NETRC", static_cast<long>(CURL_NETRC_IGNORED));
    setup.set(CURLOPT_DISALLOW_USERNAME_IN_URL, "CURLOPT_DISALLOW_USERNAME_IN_URL", 1L);
  }

  void watch_connections(CurlSetup& setup) {
    const curl_sockopt_callback on_socket = &CurlExchange::take_socket;
    setup.set(CURLOPT_SOCKOPTFUNCTION, "CURLOPT_SOCKOPTFUNCTION", on_socket);
    setup.set(CURLOPT_SOCKOPTDATA, "CURLOPT_SOCKOPTDATA", this);
#if LIBCURL_VERSION_NUM >= 0x075000
    const curl_prereq_callback on_connection = &CurlExchange::take_connection;
    sees_connections_ =
        setup.set_if_built_in(CURLOPT_PREREQFUNCTION, "CURLOPT_PREREQFUNCTION", on_connection);
    if (sees_connections_) {
      setup.set(CURLOPT_PREREQDATA, "CURLOPT_PREREQDATA", static_cast<void*>(this));
    }
#endif
  }

  void set_response(CurlSetup& setup) {
    const curl_write_callback on_body = &CurlExchange::take_body;
    const curl_write_callback on_head_line = &CurlExchange::take_head_line;
    setup.set(CURLOPT_WRITEFUNCTION, "CURLOPT_WRITEFUNCTION", on_body);
    setup.set(CURLOPT_WRITEDATA, "CURLOPT_WRITEDATA", &collector_);
    setup.set(CURLOPT_HEADERFUNCTION, "CURLOPT_HEADERFUNCTION", on_head_line);
    setup.set(CURLOPT_HEADERDATA, "CURLOPT_HEADERDATA", &collector_);
    setup.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, "CURLOPT_SUPPRESS_CONNECT_HEADERS", 1L);
    setup.set(CURLOPT_ACCEPT_ENCODING, "CURLOPT_ACCEPT_ENCODING",
              static_cast<const char*>(nullptr));
  }

  void set_limits(CurlSetup& setup, std::chrono::milliseconds timeout) const {
    // To libcurl 0 means no limit, and a day is one.
    const auto bounded = [](std::chrono::milliseconds wanted) {
      return static_cast<long>(
          std::clamp(wanted, std::chrono::milliseconds{1}, kLongestTimeout).count());
    };
    const auto connect_timeout =
        (std::min)({request_.connect_timeout, options_.connect_timeout, timeout});
    setup.set(CURLOPT_TIMEOUT_MS, "CURLOPT_TIMEOUT_MS", bounded(timeout));
    setup.set(CURLOPT_CONNECTTIMEOUT_MS, "CURLOPT_CONNECTTIMEOUT_MS", bounded(connect_timeout));
    setup.set(CURLOPT_LOW_SPEED_LIMIT, "CURLOPT_LOW_SPEED_LIMIT", kStallSpeed);
    setup.set(CURLOPT_LOW_SPEED_TIME, "CURLOPT_LOW_SPEED_TIME", kStallSeconds);
    setup.set(CURLOPT_NOSIGNAL, "CURLOPT_NOSIGNAL", 1L);
    setup.set(CURLOPT_TCP_NODELAY, "CURLOPT_TCP_NODELAY", 1L);
    setup.set(CURLOPT_TCP_KEEPALIVE, "CURLOPT_TCP_KEEPALIVE", 1L);
    setup.set(CURLOPT_DNS_CACHE_TIMEOUT, "CURLOPT_DNS_CACHE_TIMEOUT", 60L);
    setup.set(CURLOPT_MAXCONNECTS, "CURLOPT_MAXCONNECTS", 1L);
    const KeptConnections::Use use = kept_.next(std::chrono::steady_clock::now());
    setup.set(CURLOPT_FRESH_CONNECT, "CURLOPT_FRESH_CONNECT", use.is_fresh ? 1L : 0L);
    setup.set(CURLOPT_MAXAGE_CONN, "CURLOPT_MAXAGE_CONN",
              static_cast<long>(use.longest_idle.count()));
  }

  void set_trust(CurlSetup& setup) const {
    const bool is_https = has_scheme(request_.url, "https://");
#if LIBCURL_VERSION_NUM >= 0x075500
    setup.set(CURLOPT_PROTOCOLS_STR, "CURLOPT_PROTOCOLS_STR", is_https ? "https" : "http");
#else
    setup.set(CURLOPT_PROTOCOLS, "CURLOPT_PROTOCOLS",
              static_cast<long>(is_https ? CURLPROTO_HTTPS : CURLPROTO_HTTP));
#endif
    const long tls_floor = CURL_SSLVERSION_TLSv1_2;
    setup.set(CURLOPT_SSLVERSION, "CURLOPT_SSLVERSION", tls_floor);
    setup.set(CURLOPT_SSL_VERIFYPEER, "CURLOPT_SSL_VERIFYPEER", 1L);
    setup.set(CURLOPT_SSL_VERIFYHOST, "CURLOPT_SSL_VERIFYHOST", 2L);
    setup.set_if_built_in(CURLOPT_PROXY_SSLVERSION, "CURLOPT_PROXY_SSLVERSION", tls_floor);
    setup.set_if_built_in(CURLOPT_PROXY_SSL_VERIFYPEER, "CURLOPT_PROXY_SSL_VERIFYPEER", 1L);
    setup.set_if_built_in(CURLOPT_PROXY_SSL_VERIFYHOST, "CURLOPT_PROXY_SSL_VERIFYHOST", 2L);

    if (!options_.client_certificate.empty()) {
      setup.set(CURLOPT_SSLCERT, "CURLOPT_SSLCERT", options_.client_certificate.c_str());
      // Without one OpenSSL would ask at the terminal for the password of an encrypted key. With
      // one GnuTLS would refuse a key that is not encrypted.
      if (uses_openssl()) setup.set(CURLOPT_KEYPASSWD, "CURLOPT_KEYPASSWD", "");
    }
    if (!options_.client_key.empty()) {
      setup.set(CURLOPT_SSLKEY, "CURLOPT_SSLKEY", options_.client_key.c_str());
    }
    if (options_.ca_file.empty() && options_.ca_path.empty()) {
#if defined(_WIN32) && LIBCURL_VERSION_NUM >= 0x074700
      // With OpenSSL libcurl would not read the system's certificate store. Schannel always does.
      const long trust = CURLSSLOPT_NATIVE_CA;
      setup.set_if_built_in(CURLOPT_SSL_OPTIONS, "CURLOPT_SSL_OPTIONS", trust);
      setup.set_if_built_in(CURLOPT_PROXY_SSL_OPTIONS, "CURLOPT_PROXY_SSL_OPTIONS", trust);
#endif
      return;
    }
    // A trust of one's own stands in place of the system's, it does not add to it.
    const char* ca_file = options_.ca_file.empty() ? nullptr : options_.ca_file.c_str();
    const char* ca_path = options_.ca_path.empty() ? nullptr : options_.ca_path.c_str();
    setup.set(CURLOPT_CAINFO, "CURLOPT_CAINFO", ca_file);
    setup.set_if_built_in(CURLOPT_PROXY_CAINFO, "CURLOPT_PROXY_CAINFO", ca_file);
    if (ca_path != nullptr) {
      setup.set(CURLOPT_CAPATH, "CURLOPT_CAPATH", ca_path);
    } else {
      setup.set_if_built_in(CURLOPT_CAPATH, "CURLOPT_CAPATH", ca_path);
    }
    setup.set_if_built_in(CURLOPT_PROXY_CAPATH, "CURLOPT_PROXY_CAPATH", ca_path);
  }

  void set_route(CurlSetup& setup) const {
    if (request_.direct) {
      setup.set_if_built_in(CURLOPT_PROXY, "CURLOPT_PROXY", "");
      setup.set_if_built_in(CURLOPT_NOPROXY, "CURLOPT_NOPROXY", "*");
      return;
    }
    if (options_.proxy.empty()) return;
    setup.set(CURLOPT_PROXY, "CURLOPT_PROXY", options_.proxy.c_str());
    // An explicit proxy is not to be undone by the environment's NO_PROXY.
    setup.set(CURLOPT_NOPROXY, "CURLOPT_NOPROXY", "");
  }

  static int take_socket(void* exchange, curl_socket_t, curlsocktype) noexcept {
    return static_cast<CurlExchange*>(exchange)->refuses_resend() ? CURL_SOCKOPT_ERROR
                                                                  : CURL_SOCKOPT_OK;
  }
#if LIBCURL_VERSION_NUM >= 0x075000
  static int take_connection(void* exchange, char*, char*, int, int) noexcept {
    auto* self = static_cast<CurlExchange*>(exchange);
    if (self->refuses_resend()) return CURL_PREREQFUNC_ABORT;
    self->had_connection_ = true;
    return CURL_PREREQFUNC_OK;
  }
#endif
  /// Whether libcurl is about to send for a second time what it must not.
  [[nodiscard]] bool refuses_resend() noexcept {
    if (request_.body.empty() || !has_connected(handle_, CURLE_OK)) return false;
    was_resend_refused_ = true;
    return true;
  }

  // A callback that takes less than it was given ends the exchange with CURLE_WRITE_ERROR.
  static std::size_t take_body(char* bytes, std::size_t, std::size_t count,
                               void* collector) noexcept {
    return static_cast<ResponseCollector*>(collector)->take_body({bytes, count}) ? count : 0;
  }
  static std::size_t take_head_line(char* bytes, std::size_t size, std::size_t count,
                                    void* collector) noexcept {
    return static_cast<ResponseCollector*>(collector)->take_head_line({bytes, size * count})
               ? size * count
               : 0;
  }

  /// Whether there was a connection, for https with TLS. libcurl reports it right before it sends.
  /// One before 7.80 notes the time right after that, so that a send that fails comes before it;
  /// a newer one notes a time for requests without a connection too (8.23).
  [[nodiscard]] bool has_connected(CURL* handle, CURLcode code) const {
    if (had_connection_ || code == CURLE_SEND_ERROR || collector_.status() != 0) return true;
    if (sees_connections_) return false;
    curl_off_t at{0};
    return curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &at) == CURLE_OK && at > 0;
  }

  [[nodiscard]] Error failed(CURL* handle, CURLcode code) const {
    CurlFailure failure;
    failure.code = code;
    failure.connected = has_connected(handle, code);
    failure.status = collector_.status();
    failure.too_large = collector_.too_large();
    if (curl_easy_getinfo(handle, CURLINFO_HTTP_CONNECTCODE, &failure.proxy_status) != CURLE_OK) {
      failure.proxy_status = 0;
    }
    if (curl_easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &failure.verify_result) != CURLE_OK) {
      failure.verify_result = 0;
    }
    if (curl_easy_getinfo(handle, CURLINFO_PROXY_SSL_VERIFYRESULT, &failure.proxy_verify_result) !=
        CURLE_OK) {
      failure.proxy_verify_result = 0;
    }
    failure.text = error_text_;
    failure.uses_proxy = uses_proxy();
    failure.is_plain_http = has_scheme(request_.url, "http://");
    failure.has_client_certificate = !options_.client_certificate.empty();
    failure.has_trust = !options_.ca_file.empty() || !options_.ca_path.empty();
    failure.lost_kept_connection = was_resend_refused_;
    if (was_resend_refused_) kept_.note_lost(std::chrono::steady_clock::now());
    // A server that refuses the client's certificate has taken no request.
    if (is_about_client_certificate(alert_of(failure))) failure.connected = false;
    failure.lacks_descriptors = may_lack_descriptors(code) && lacks_descriptors();

    const CurlVerdict verdict = judge(failure);
    std::string message{verdict.message};
    // Not libcurl's error text, which may quote a URL or a header.
    if (const std::string cause = cause_of(failure); !cause.empty()) {
      message.append(" (").append(cause).append(")");
    }
    Error error = make_error(verdict.kind, place_of(failure), std::move(message));
    error.code = verdict.code;
    error.retryable = verdict.retryable;
    error.connected = failure.connected;
    error.may_have_been_delivered = failure.connected;
    error.http_status = failure.status;
    return error;
  }

  /// Whether a proxy was to carry the request. Of one that the environment names libcurl 7.88 tells
  /// only the host that it could not connect to; a newer one says "over proxy".
  [[nodiscard]] bool uses_proxy() const {
    if (request_.direct) return false;
    if (!options_.proxy.empty()) return true;
    constexpr std::string_view kFailed = "Failed to connect to ";
    std::string_view text = error_text_;
    for (const std::string_view words : {"over proxy", "Unsupported proxy"}) {
      if (text.find(words) != std::string_view::npos) return true;
    }
    if (text.substr(0, kFailed.size()) != kFailed) return false;
    text.remove_prefix(kFailed.size());
    const std::size_t host_end = text.find(" port ");
    if (host_end == std::string_view::npos) return false;
    const std::string_view port = text.substr(host_end + std::string_view{" port "}.size());
    std::string place{text.substr(0, host_end)};
    if (place.find(':') != std::string::npos) place = "[" + place + "]";
    place.append(":").append(port.substr(0, port.find_first_not_of("0123456789")));
    return place != host_and_port(request_.url);
  }

  [[nodiscard]] std::string place_of(const CurlFailure& failure) const {
    const bool is_proxy = failure.uses_proxy && failure.code == CURLE_COULDNT_CONNECT;
    if (is_proxy || failure.code == CURLE_COULDNT_RESOLVE_PROXY) return "proxy";
    if (failure.code == CURLE_SSL_CACERT_BADFILE && failure.has_trust) {
      return options_.ca_file.empty() ? options_.ca_path : options_.ca_file;
    }
    if (has_bad_key(failure) && !options_.client_key.empty()) return options_.client_key;
    if (failure.code == CURLE_SSL_CERTPROBLEM && failure.has_client_certificate) {
      return options_.client_certificate;
    }
    std::string place = host_and_port(request_.url);
    return place.empty() ? std::string{"url"} : place;
  }

  const HttpRequest& request_;
  const HttpOptions& options_;
  KeptConnections& kept_;
  CURL* handle_{nullptr};         // for the callbacks
  bool sees_connections_{false};  // libcurl calls take_connection
  bool had_connection_{false};
  bool was_resend_refused_{false};
  std::unique_ptr<curl_slist, CurlDeleter> headers_{};
  ResponseCollector collector_{};
  char error_text_[CURL_ERROR_SIZE]{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
