// SPDX-License-Identifier: Apache-2.0
//
// CurlSetup: sets libcurl's options and checks each one. CurlExchange writes a request with it,
// both transports initialise libcurl here.
#ifndef PERSONALIZE_EVENTS_DETAIL_HTTP_CURL_SETUP_HPP
#define PERSONALIZE_EVENTS_DETAIL_HTTP_CURL_SETUP_HPP

#include <curl/curl.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>

#include "personalize_events/detail/http/curl_failure.hpp"
#include "personalize_events/result.hpp"

#if LIBCURL_VERSION_NUM < 0x074400
#error "personalize-events needs libcurl 7.68 or newer"
#endif

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// Initialises libcurl, the first time it is asked to, and answers how that went. There is no
/// clean-up: other parts of the program may use libcurl until its very end. Errors: Configuration.
///
/// @par Thread Safety
/// Any thread. A libcurl before 7.84 asks that no other part of the program initialises it at the
/// same moment.
[[nodiscard]] inline Result<void> initialise_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (code == CURLE_OK) return {};
  return make_error(ErrorKind::Configuration, "libcurl", curl_easy_strerror(code));
}

/// Whether libcurl's TLS library, by the text of curl_version_info, is OpenSSL or one of its kin,
/// which ask at the terminal for the password of an encrypted key. A library in parentheses is one
/// that libcurl knows and does not use.
[[nodiscard]] inline bool is_openssl(std::string_view version) noexcept {
  for (const std::string_view name : {"OpenSSL", "LibreSSL", "BoringSSL", "AWS-LC", "quictls"}) {
    const std::size_t at = version.find(name);
    if (at != std::string_view::npos && (at == 0 || version[at - 1] != '(')) return true;
  }
  return false;
}
[[nodiscard]] inline bool uses_openssl() noexcept {
  const curl_version_info_data* info = curl_version_info(CURLVERSION_NOW);
  return info != nullptr && info->ssl_version != nullptr && is_openssl(info->ssl_version);
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
  /// Returns whether it was set.
  template <class Value>
  bool set_if_built_in(CURLoption option, const char* name, Value value) {
    if (code_ != CURLE_OK) return false;
    set(option, name, value);
    const bool is_set = code_ == CURLE_OK;
    if (code_ == CURLE_UNKNOWN_OPTION || code_ == CURLE_NOT_BUILT_IN) code_ = CURLE_OK;
    return is_set;
  }

  /// Success, or Configuration with the name of the first option that was refused; Transport if
  /// libcurl had no memory for its value.
  [[nodiscard]] Result<void> result() const {
    if (code_ == CURLE_OK) return {};
    if (code_ == CURLE_OUT_OF_MEMORY) return no_resources(name_);
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

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
