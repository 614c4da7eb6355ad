// SPDX-License-Identifier: Apache-2.0
//
// The version of personalize-events, written here and nowhere else: CMake, the packages and the
// User-Agent read it from this file. Every other header includes it, because the version also
// names the inline namespace, so that two versions in one process never share a symbol.
#ifndef PERSONALIZE_EVENTS_VERSION_HPP
#define PERSONALIZE_EVENTS_VERSION_HPP

#define PERSONALIZE_EVENTS_VERSION_MAJOR 0
#define PERSONALIZE_EVENTS_VERSION_MINOR 1
#define PERSONALIZE_EVENTS_VERSION_PATCH 0

#define PERSONALIZE_EVENTS_JOIN_VERSION(major, minor, patch) v##major##_##minor##_##patch
#define PERSONALIZE_EVENTS_EXPAND_VERSION(major, minor, patch) \
  PERSONALIZE_EVENTS_JOIN_VERSION(major, minor, patch)
#define PERSONALIZE_EVENTS_TEXT_OF(token) #token
#define PERSONALIZE_EVENTS_VERSION_TEXT(major, minor, patch) \
  PERSONALIZE_EVENTS_TEXT_OF(major)                          \
  "." PERSONALIZE_EVENTS_TEXT_OF(minor) "." PERSONALIZE_EVENTS_TEXT_OF(patch)
#define PERSONALIZE_EVENTS_EXPAND_TEXT(major, minor, patch) \
  PERSONALIZE_EVENTS_VERSION_TEXT(major, minor, patch)

/// The version as text, for example "0.1.0".
#define PERSONALIZE_EVENTS_VERSION                                 \
  PERSONALIZE_EVENTS_EXPAND_TEXT(PERSONALIZE_EVENTS_VERSION_MAJOR, \
                                 PERSONALIZE_EVENTS_VERSION_MINOR, \
                                 PERSONALIZE_EVENTS_VERSION_PATCH)

/// Opens `namespace personalize_events::inline v<major>_<minor>_<patch>`.
#define PERSONALIZE_EVENTS_NAMESPACE_BEGIN                                             \
  namespace personalize_events {                                                       \
  inline namespace PERSONALIZE_EVENTS_EXPAND_VERSION(PERSONALIZE_EVENTS_VERSION_MAJOR, \
                                                     PERSONALIZE_EVENTS_VERSION_MINOR, \
                                                     PERSONALIZE_EVENTS_VERSION_PATCH) {
/// Closes what PERSONALIZE_EVENTS_NAMESPACE_BEGIN opened.
#define PERSONALIZE_EVENTS_NAMESPACE_END \
  }                                      \
  }

#endif
