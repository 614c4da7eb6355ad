// SPDX-License-Identifier: Apache-2.0
//
// PathStyle: how the system writes the path of a file and names the user's home. The profile file
// locations (config/profile_file.hpp) ask for it; tests name the style that they mean.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_PATH_STYLE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_PATH_STYLE_HPP

#include <cstdint>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// How paths are written.
enum class PathStyle : std::uint8_t {
  Posix,    ///< Folders are parted by `/`; the home is `HOME`.
  Windows,  ///< Folders are parted by `\`; the home is `HOME`, `USERPROFILE` or `HOMEDRIVE` +
            ///< `HOMEPATH`.
};

/// The style of the system that this program is compiled for.
#if defined(_WIN32)
inline constexpr PathStyle kNativePathStyle = PathStyle::Windows;
#else
inline constexpr PathStyle kNativePathStyle = PathStyle::Posix;
#endif

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
