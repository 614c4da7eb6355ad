// SPDX-License-Identifier: Apache-2.0
//
// The width of the terminal, for help and progress.
#ifndef TOOLS_TERMINAL_HPP
#define TOOLS_TERMINAL_HPP

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>

namespace tools {

/// Columns of the terminal behind a descriptor: COLUMNS, else what the terminal says, else 80.
[[nodiscard]] inline std::size_t terminal_width(int descriptor) {
  if (const char* columns = std::getenv("COLUMNS")) {
    const long width = std::strtol(columns, nullptr, 10);
    if (width > 0 && width < 10'000) return static_cast<std::size_t>(width);
  }
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace tools

#endif
