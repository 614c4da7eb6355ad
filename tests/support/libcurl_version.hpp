// SPDX-License-Identifier: Apache-2.0
//
// test::libcurl_is_older_than: for tests of what older releases of libcurl do differently.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_LIBCURL_VERSION_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_LIBCURL_VERSION_HPP

#include <curl/curl.h>

namespace test {

/// Whether the loaded libcurl is older than 7.`minor`.
inline bool libcurl_is_older_than(unsigned minor) {
  return ::curl_version_info(CURLVERSION_NOW)->version_num < (0x070000U | minor << 8U);
}

}  // namespace test

#endif
