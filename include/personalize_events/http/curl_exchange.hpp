// SPDX-License-Identifier: Apache-2.0
//
// CurlExchange: one request on one libcurl handle, from the handle's options to the response or
// the Error. CurlTransport runs it to its end, CurlAsyncTransport runs many side by side.
#ifndef PERSONALIZE_EVENTS_HTTP_CURL_EXCHANGE_HPP
#define PERSONALIZE_EVENTS_HTTP_CURL_EXCHANGE_HPP

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "personalize_events/http/message.hpp"
#include "personalize_events/http/options.hpp"
#include "personalize_events/http/response_collector.hpp"
#include "personalize_events/result.hpp"

#if LIBCURL_VERSION_NUM < 0x074400
#error "personalize-events needs libcurl 7.68 or newer"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Initialises libcurl, the first time it is asked to, and answers how that went. There is no
/// clean-up: other parts of the program may use libcurl until its very end.
///
/// @par Thread Safety
/// Any thread. A libcurl before 7.84 asks that no other part of the program initialises it at the
/// same moment.
[[nodiscard]] inline CURLcode initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  return code;
}

/// Frees what libcurl gave out.
struct CurlDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
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

/// Whether a URL has this scheme, for example "https://". ASCII case is ignored.
[[nodiscard]] constexpr bool has_scheme(std::string_view url, std::string_view scheme) noexcept {
  return equal_header_names(url.substr(0, scheme.size()), scheme);
}

/// Whether the text has one of the three bytes that would end a line or a C string.
[[nodiscard]] constexpr bool breaks_a_line(std::string_view text) noexcept {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

/// Refuses what could not be sent as it is. Errors: InvalidArgument for a method, a header or a
/// body; Configuration for a URL that is not http or https, and for unusable options. `where`
/// names the member.
[[nodiscard]] inline Result<void> check_request(const HttpRequest& request,
                                                const HttpOptions& options) {
  if (options.max_connections < 1) {
    return make_error(ErrorKind::Configuration, "HttpOptions::max_connections",
                      "must be at least 1");
  }
  if (!has_scheme(request.url, "https://") && !has_scheme(request.url, "http://")) {
    return make_error(ErrorKind::Configuration, "url",
                      "the URL must begin with https:// or http://");
  }
  if (request.url.find_first_of(std::string_view{"\r\n\t \0", 5}) != std::string::npos) {
    return make_error(ErrorKind::InvalidArgument, "url",
                      "the URL holds a blank, a line end or a zero byte; percent-encode it");
  }
  if (!is_http_token(request.method)) {
    return make_error(ErrorKind::InvalidArgument, "method",
                      "the method is not an HTTP token; use GET, PUT or POST");
  }
  if (request.method == "HEAD" && !request.body.empty()) {
    return make_error(ErrorKind::InvalidArgument, "body",
                      "a HEAD request has no body; leave it empty");
  }
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto& [name, value] = request.headers[i];
    const auto refused = [i](const char* message) {
      return make_error(ErrorKind::InvalidArgument, "headers[" + std::to_string(i) + "]", message);
    };
    if (!is_http_token(name)) {
      return refused("the name is not an HTTP token; use letters, digits and hyphens");
    }
    if (breaks_a_line(value)) {
      return refused("the value holds a line end or a zero byte; remove it");
    }
    // A second opinion on where the body ends is how requests are smuggled.
    if (equal_header_names(name, "Content-Length") ||
        equal_header_names(name, "Transfer-Encoding")) {
      return refused("the length of the body is the transport's to say; leave this header out");
    }
  }
  return {};
}

/// Sets options on a handle and remembers the first that libcurl refused.
class CurlSetup {
 public:
  explicit CurlSetup(CURL* handle) noexcept : handle_(handle) {}

  /// Sets an option, `name` being its name for the error.
  template <class Value>
  void set(CURLoption option, const char* name, Value value) {
    static_assert(std::is_pointer_v<Value> || std::is_same_v<Value, long> ||
                      std::is_same_v<Value, curl_off_t>,
                  "libcurl reads pointers, long and curl_off_t from its variable arguments");
    if (code_ != CURLE_OK) return;
    code_ = curl_easy_setopt(handle_, option, value);
    if (code_ != CURLE_OK) name_ = name;
  }

  /// Sets an option that narrows a feature; a libcurl built without that feature needs it not.
  template <class Value>
  void set_if_built_in(CURLoption option, const char* name, Value value) {
    const bool was_well = code_ == CURLE_OK;
    set(option, name, value);
    if (was_well && (code_ == CURLE_UNKNOWN_OPTION || code_ == CURLE_NOT_BUILT_IN)) {
      code_ = CURLE_OK;
    }
  }

  /// Success, or Configuration with the name of the first option that was refused.
  [[nodiscard]] Result<void> result() const {
    if (code_ == CURLE_OK) return {};
    return make_error(ErrorKind::Configuration, name_,
                      std::string{"libcurl refused the option ("}
                          .append(curl_easy_strerror(code_))
                          .append("); use a libcurl built with TLS, and check HttpOptions"));
  }

 private:
  CURL* handle_;
  CURLcode code_{CURLE_OK};
  const char* name_{""};
};

/// What is known of an exchange that did not give a whole response.
struct CurlFailure {
  CURLcode code{CURLE_OK};
  bool connected{false};  ///< A connection, for https with TLS, stood.
  int status{0};          ///< From the status line; 0 if none came.
  bool too_large{false};  ///< Ended by us: more than ResponseCollector takes.
  long proxy_status{0};   ///< The proxy's answer to CONNECT; 0 if there was none.
};

/// What such a failure is to the caller.
struct CurlVerdict {
  ErrorKind kind;
  bool retryable;
  const char* message;  ///< What is wrong and how to mend it.
};

/// The verdict on an exchange whose connection broke, or brought what is not HTTP.
[[nodiscard]] constexpr CurlVerdict judge_broken(const CurlFailure& failure) noexcept {
  if (failure.too_large) {
    return {ErrorKind::Response, true,
            "the response has more than 64 KiB or 256 header fields; check the endpoint URL"};
  }
  if (failure.status != 0) {
    return {ErrorKind::Response, true, "the response was cut short or cannot be read; try again"};
  }
  if (failure.connected) {
    return {ErrorKind::Transport, true,
            "the connection was lost before a response came; try again"};
  }
  if (failure.proxy_status == 407) {
    return {ErrorKind::Transport, false,
            "the proxy asks for credentials; give them in HttpOptions::proxy or HTTPS_PROXY"};
  }
  if (failure.proxy_status != 0) {
    return {ErrorKind::Transport, true,
            "the proxy refused the connection; check HttpOptions::proxy or HTTPS_PROXY"};
  }
  return {ErrorKind::Transport, true,
          "the connection could not be made; check the network and the endpoint URL"};
}

/// The verdict on a failure. A code without a case of its own is judged by how far the exchange
/// came, so that the codes of a newer libcurl are judged too.
[[nodiscard]] inline CurlVerdict judge(const CurlFailure& failure) {
  switch (failure.code) {
    case CURLE_OPERATION_TIMEDOUT:
      if (failure.connected) {
        return {ErrorKind::Timeout, true, "no whole response came in time; try again"};
      }
      return {ErrorKind::Timeout, true,
              "no connection stood in time; check the network and the endpoint URL"};
    case CURLE_COULDNT_RESOLVE_HOST:
      return {ErrorKind::Transport, true,
              "the host name has no address; check the network and the endpoint URL"};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {ErrorKind::Transport, true,
              "the proxy's name has no address; check HttpOptions::proxy or HTTPS_PROXY"};
    case CURLE_SSL_CONNECT_ERROR:
      return {ErrorKind::Transport, true,
              "TLS 1.2 or newer could not be agreed on; check that the endpoint speaks it"};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return {
          ErrorKind::Transport, false,
          "the server's certificate is not trusted for this host; name its authority's PEM file in "
          "HttpOptions::ca_file or AWS_CA_BUNDLE"};
#if LIBCURL_VERSION_NUM >= 0x074d00
    case CURLE_SSL_CLIENTCERT:
      return {ErrorKind::Transport, false,
              "the server asks for a client certificate; give HttpOptions::client_certificate"};
#endif
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorKind::Configuration, false,
              "the trusted authorities cannot be read; name a PEM file in HttpOptions::ca_file or "
              "AWS_CA_BUNDLE"};
    case CURLE_SSL_CERTPROBLEM:
      return {ErrorKind::Configuration, false,
              "the client certificate or its key cannot be used; check "
              "HttpOptions::client_certificate and client_key"};
    case CURLE_URL_MALFORMAT:
      return {ErrorKind::Configuration, false,
              "the URL is malformed; write it as https://host or https://host:port"};
    case CURLE_LOGIN_DENIED:
      return {ErrorKind::Configuration, false, "the URL holds a user name; remove it"};
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
      return {ErrorKind::Configuration, false,
              "libcurl cannot be used; install one built with TLS"};
    case CURLE_UNSUPPORTED_PROTOCOL:
      if (failure.connected) break;
      return {ErrorKind::Configuration, false,
              "libcurl does not know the URL's scheme; install one built with TLS"};
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE: return judge_broken(failure);
    default: break;
  }
  if (failure.connected && failure.status == 0 && !failure.too_large) {
    return {ErrorKind::Response, true, "the answer is not HTTP; check the endpoint URL"};
  }
  return judge_broken(failure);
}

/// One request on one handle. The request, the options and the exchange stay where they are until
/// `finish`; afterwards the handle is reset, so that it holds nothing of them.
///
/// @par Thread Safety
/// None: one thread at a time.
///
/// @par Error Handling
/// libcurl is C, and no exception may pass through it: a failing allocation for the response ends
/// the program.
class CurlExchange {
 public:
  CurlExchange(const HttpRequest& request, const HttpOptions& options) noexcept
      : request_(request), options_(options) {}
  CurlExchange(const CurlExchange&) = delete;
  CurlExchange& operator=(const CurlExchange&) = delete;

  /// Writes the request, already checked by check_request, into a fresh or reset handle. `timeout`
  /// is what is left for the whole exchange. Errors: Configuration, Transport without memory.
  [[nodiscard]] Result<void> prepare(CURL* handle, std::chrono::milliseconds timeout) {
    if (!list_headers()) {
      return make_error(ErrorKind::Transport, "headers",
                        "no memory for the header list; try again later");
    }
    CurlSetup setup{handle};
    set_request(setup);
    set_response(setup);
    set_limits(setup, timeout);
    set_trust(setup);
    set_route(setup);
    return setup.result();
  }

  /// The response or the Error, after libcurl ended the exchange with `code`.
  [[nodiscard]] Result<HttpResponse> finish(CURL* handle, CURLcode code) {
    if (code == CURLE_OK && collector_.has_whole_head()) return collector_.take_response();
    // An answer that ends inside its header block is whole to some releases of libcurl.
    if (code == CURLE_OK) code = CURLE_PARTIAL_FILE;
    return failed(handle, code);
  }

 private:
  [[nodiscard]] bool list_headers() {
    for (const auto& [name, value] : request_.headers) {
      // To libcurl "Name:" means "leave it out", and "Name;" an empty value.
      const bool is_empty = value.find_first_not_of(" \t\v\f") == std::string::npos;
      std::string line = name;
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
      const std::chrono::milliseconds longest = std::chrono::hours{24};
      return static_cast<long>(std::clamp(wanted, std::chrono::milliseconds{1}, longest).count());
    };
    const auto connect_timeout =
        std::min({request_.connect_timeout, options_.connect_timeout, timeout});
    setup.set(CURLOPT_TIMEOUT_MS, "CURLOPT_TIMEOUT_MS", bounded(timeout));
    setup.set(CURLOPT_CONNECTTIMEOUT_MS, "CURLOPT_CONNECTTIMEOUT_MS", bounded(connect_timeout));
    setup.set(CURLOPT_NOSIGNAL, "CURLOPT_NOSIGNAL", 1L);
    setup.set(CURLOPT_TCP_NODELAY, "CURLOPT_TCP_NODELAY", 1L);
    setup.set(CURLOPT_TCP_KEEPALIVE, "CURLOPT_TCP_KEEPALIVE", 1L);
    setup.set(CURLOPT_DNS_CACHE_TIMEOUT, "CURLOPT_DNS_CACHE_TIMEOUT", 60L);
    setup.set(CURLOPT_MAXCONNECTS, "CURLOPT_MAXCONNECTS", 1L);
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
    }
    if (!options_.client_key.empty()) {
      setup.set(CURLOPT_SSLKEY, "CURLOPT_SSLKEY", options_.client_key.c_str());
    }
    if (options_.ca_file.empty() && options_.ca_path.empty()) return;
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

  /// Whether a connection stood. libcurl notes the time right before it begins to wait for the
  /// answer; a send that fails comes before that, on a connection that stood too.
  [[nodiscard]] bool has_connected(CURL* handle, CURLcode code) const {
    if (code == CURLE_SEND_ERROR || collector_.status() != 0) return true;
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

    const CurlVerdict verdict = judge(failure);
    // The text of the code, not libcurl's error buffer, which may repeat a URL or a header.
    Error error = make_error(
        verdict.kind, place_of(code),
        std::string{verdict.message}.append(" (").append(curl_easy_strerror(code)).append(")"));
    error.retryable = verdict.retryable;
    error.connected = failure.connected;
    error.may_have_been_delivered = failure.connected;
    error.http_status = failure.status;
    return error;
  }

  [[nodiscard]] std::string place_of(CURLcode code) const {
    if (code == CURLE_COULDNT_RESOLVE_PROXY) return "proxy";
    if (code == CURLE_SSL_CACERT_BADFILE && !options_.ca_file.empty()) return options_.ca_file;
    if (code == CURLE_SSL_CACERT_BADFILE && !options_.ca_path.empty()) return options_.ca_path;
    if (code == CURLE_SSL_CERTPROBLEM && !options_.client_certificate.empty()) {
      return options_.client_certificate;
    }
    std::string place = host_and_port(request_.url);
    return place.empty() ? std::string{"url"} : place;
  }

  const HttpRequest& request_;
  const HttpOptions& options_;
  std::unique_ptr<curl_slist, CurlDeleter> headers_{};
  ResponseCollector collector_{};
};

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
