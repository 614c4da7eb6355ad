// SPDX-License-Identifier: Apache-2.0
//
// Interrupt: Ctrl-C and SIGTERM as a wish that the run looks up between two rows. The second one
// ends the program at once.
#ifndef TOOLS_SEND_INTERRUPT_HPP
#define TOOLS_SEND_INTERRUPT_HPP

#include <atomic>
#include <csignal>

namespace tools::send {

static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may touch no other");
inline std::atomic<bool> interrupted{false};

[[nodiscard]] inline bool is_interrupted() { return interrupted.load(); }

inline void note_signal(int signal) {
  interrupted.store(true);
  std::signal(signal, SIG_DFL);
}

inline void stop_at_signals() {
  std::signal(SIGINT, note_signal);
  std::signal(SIGTERM, note_signal);
}

}  // namespace tools::send

#endif
