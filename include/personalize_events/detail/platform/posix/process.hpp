// SPDX-License-Identifier: Apache-2.0
//
// Child processes of POSIX systems, for platform/process.hpp. A command without shell syntax runs
// without a shell. The child inherits standard error, and no other descriptor but a terminal on
// standard input.
#ifndef PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_PROCESS_HPP
#define PERSONALIZE_EVENTS_DETAIL_PLATFORM_POSIX_PROCESS_HPP

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "personalize_events/detail/platform/posix/descriptor.hpp"
#include "personalize_events/detail/platform/process_error.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// An error of run_process for a failed system call, with the system's text for `code`.
[[nodiscard]] inline Error process_error(const char* message, int code) {
  return process_error(
      std::string{message}.append(": ").append(std::generic_category().message(code)));
}

/// Whether this character, outside quotes, means something to a shell only.
[[nodiscard]] constexpr bool is_shell_syntax(char character) noexcept {
  return std::string_view{"|&;<>()$`*?[\n"}.find(character) != std::string_view::npos;
}

/// Cuts a command into words as a shell does: blanks part words, single quotes keep all, double
/// quotes keep all but `\"`, `\\`, `\$` and `` \` ``, a backslash keeps the next character. Neither
/// `$NAME` nor `~` is replaced. A command with shell syntax outside quotes becomes the three words
/// `/bin/sh`, `-c`, command. Errors: Credentials, for no word or a quote that is not closed.
[[nodiscard]] inline Result<std::vector<std::string>> command_words(const std::string& command) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char character = command[i];
    if (quote == '\0' && (character == ' ' || character == '\t')) {
      in_word = false;
      continue;
    }
    if (quote == '\0' && is_shell_syntax(character)) {
      return std::vector<std::string>{"/bin/sh", "-c", command};
    }
    if (!in_word) words.emplace_back();
    in_word = true;
    if (character == quote) {
      quote = '\0';
    } else if (quote == '\0' && (character == '\'' || character == '"')) {
      quote = character;
    } else if (character == '\\' && quote != '\'') {
      if (i + 1 == command.size()) {
        return process_error("the command ends in a backslash; remove it");
      }
      const char next = command[i + 1];
      const bool escapes =
          quote == '\0' || std::string_view{"\"\\$`"}.find(next) != std::string_view::npos;
      words.back() += escapes ? next : character;
      if (escapes) ++i;
    } else {
      words.back() += character;
    }
  }
  if (quote != '\0') return process_error("the command has a quote that is not closed; close it");
  if (words.empty()) return process_error(kCommandIsEmpty);
  return words;
}

/// Moves a descriptor above the standard ones, where a program that closed those gets new ones.
/// Returns false with errno set on failure.
[[nodiscard]] inline bool move_above_standard(Descriptor& descriptor) {
  if (descriptor.number() > STDERR_FILENO) return true;
  const int moved = ::fcntl(descriptor.number(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (moved < 0) return false;
  descriptor.reset(moved);
  return true;
}

/// Makes a pipe of which no other child inherits an end. Returns false with errno set on failure.
[[nodiscard]] inline bool make_pipe(Descriptor& reader, Descriptor& writer) {
  int ends[2] = {-1, -1};
#if defined(__APPLE__)
  if (::pipe(ends) != 0) return false;
  reader.reset(ends[0]);
  writer.reset(ends[1]);
  if (::fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0) {
    return false;
  }
#else
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  reader.reset(ends[0]);
  writer.reset(ends[1]);
#endif
  return move_above_standard(reader) && move_above_standard(writer);
}

/// Whether a person at the terminal on standard input can answer a child in our process group. A
/// background job cannot ask: the kernel would stop every process of the group.
[[nodiscard]] inline bool is_at_terminal() {
  if (::isatty(STDIN_FILENO) == 0) return false;
  const pid_t foreground = ::tcgetpgrp(STDIN_FILENO);
  // No job control applies to a terminal that is not the controlling one.
  return foreground < 0 || foreground == ::getpgrp();
}

/// The settings of the terminal on standard input; empty if there is none that can be asked.
[[nodiscard]] inline std::optional<termios> terminal_settings() {
  termios settings{};
  if (!is_at_terminal() || ::tcgetattr(STDIN_FILENO, &settings) != 0) return std::nullopt;
  return settings;
}

/// Undoes what a killed command changed: a prompt for a passphrase leaves the echo off.
inline void restore_terminal(const std::optional<termios>& settings) {
  if (!settings || !is_at_terminal()) return;
  // On failure the terminal stays as the command left it, which is no reason to fail a call.
  static_cast<void>(::tcsetattr(STDIN_FILENO, TCSANOW, &*settings));
}

/// Tells a spawn to close the descriptors above standard error that are open now. Answers an errno,
/// 0 for success.
[[nodiscard]] inline int add_close_of_listed(posix_spawn_file_actions_t& actions) {
  DIR* folder = ::opendir("/dev/fd");
  if (folder == nullptr) return errno;
  int failure = 0;
  while (failure == 0) {
    const dirent* entry = ::readdir(folder);  // NOLINT(concurrency-mt-unsafe): a stream of our own
    if (entry == nullptr) break;
    const long number = std::strtol(entry->d_name, nullptr, 10);
    if (number <= STDERR_FILENO) continue;
    failure = ::posix_spawn_file_actions_addclose(&actions, static_cast<int>(number));
  }
  static_cast<void>(::closedir(folder));
  return failure;
}

/// Tells a spawn to close every descriptor above standard error, also those that another part of
/// the program opened without O_CLOEXEC. Answers an errno, 0 for success.
[[nodiscard]] inline int add_close_of_others(posix_spawn_file_actions_t& actions) {
#if defined(__GLIBC__)
#if __GLIBC_PREREQ(2, 34)
  return ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif
#endif
  return add_close_of_listed(actions);
}

/// A command that was started.
struct ChildProcess {
  pid_t id{-1};
  /// Off for one that can ask a person: only the foreground process group may read a terminal.
  bool has_own_group{true};
};

/// The file actions and attributes of one spawn, freed at the end of their scope.
class SpawnPlan {
 public:
  SpawnPlan() = default;
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    // Freeing what init made has no failure that anyone could act on.
    if (has_actions_) static_cast<void>(::posix_spawn_file_actions_destroy(&actions_));
    if (has_attributes_) static_cast<void>(::posix_spawnattr_destroy(&attributes_));
  }

  /// Starts `words` with standard output at `output`, our standard error, no descriptor above
  /// these, and no signal blocked or ignored. A child with its own process group reads /dev/null,
  /// another one our standard input. Returns an errno, 0 for success.
  [[nodiscard]] int spawn(const std::vector<std::string>& words, int output, ChildProcess& child) {
    int failure = set_up(output, child.has_own_group);
    if (failure != 0) return failure;
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    // posix_spawn takes char* for the sake of old C and changes nothing.
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    return ::posix_spawnp(&child.id, arguments.front(), &actions_, &attributes_, arguments.data(),
                          environ);
  }

 private:
  [[nodiscard]] int set_up(int output, bool has_own_group) {
    if (const int failure = ::posix_spawn_file_actions_init(&actions_); failure != 0) {
      return failure;
    }
    has_actions_ = true;
    if (const int failure = ::posix_spawnattr_init(&attributes_); failure != 0) return failure;
    has_attributes_ = true;
    const int failure = add_descriptors(output, has_own_group);
    return failure != 0 ? failure : set_attributes(has_own_group);
  }

  [[nodiscard]] int add_descriptors(int output, bool has_own_group) {
    if (const int failure = ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
        failure != 0) {
      return failure;
    }
    if (has_own_group) {
      const int failure =
          ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
      if (failure != 0) return failure;
    }
    if (::fcntl(STDERR_FILENO, F_GETFD) < 0) {
      const int failure =
          ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
      if (failure != 0) return failure;
    }
    return add_close_of_others(actions_);
  }

  [[nodiscard]] int set_attributes(bool has_own_group) {
    sigset_t none;
    sigset_t defaulted;
    if (::sigemptyset(&none) != 0 || ::sigemptyset(&defaulted) != 0) return errno;
    // An ignored signal stays ignored over exec, unlike a handled one.
    for (const int number : {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGTSTP,
                             SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2}) {
      if (::sigaddset(&defaulted, number) != 0) return errno;
    }
    const int flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                      (has_own_group ? POSIX_SPAWN_SETPGROUP : 0);
    for (const int failure : {
             ::posix_spawnattr_setpgroup(&attributes_, 0),
             ::posix_spawnattr_setsigmask(&attributes_, &none),
             ::posix_spawnattr_setsigdefault(&attributes_, &defaulted),
             ::posix_spawnattr_setflags(&attributes_, static_cast<short>(flags)),
         }) {
      if (failure != 0) return failure;
    }
    return 0;
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
  bool has_actions_{false};
  bool has_attributes_{false};
};

/// Milliseconds from now to `deadline` as poll(2) takes them, at least 0 and at most a minute.
[[nodiscard]] inline int poll_timeout(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, 60'000));
}

/// Waits until `child` ends, or with WUNTRACED in `options` also until it stops because it reads a
/// terminal from the background, at most until `deadline`. Returns its wait status, or an empty
/// optional when it still runs. A program that ignores SIGCHLD or waits for all children takes the
/// status away: 0.
[[nodiscard]] inline std::optional<int> wait_for(pid_t child, int options,
                                                 std::chrono::steady_clock::time_point deadline) {
  for (int pause = 1;; pause = (std::min)(2 * pause, 20)) {
    int status = 0;
    const pid_t changed = ::waitpid(child, &status, WNOHANG | options);
    if (changed < 0 && errno == ECHILD) return 0;
    if (changed == child) {
      if (!WIFSTOPPED(status)) return status;
      if (WSTOPSIG(status) == SIGTTIN || WSTOPSIG(status) == SIGTTOU) return status;
    }
    const int left = poll_timeout(deadline);
    if (left == 0) return std::nullopt;
    // There is no wait with a timeout; an interrupted pause only looks again sooner.
    static_cast<void>(::poll(nullptr, 0, (std::min)(pause, left)));
  }
}

/// Kills a child, with all that it started if it has its own process group. The wait for the end is
/// bounded, because a child that took another user's rights cannot be killed by us.
inline void kill_child(const ChildProcess& child) {
  // Fails only when nothing is left to kill, or for such a child.
  static_cast<void>(::kill(child.has_own_group ? -child.id : child.id, SIGKILL));
  static_cast<void>(
      wait_for(child.id, 0, std::chrono::steady_clock::now() + std::chrono::seconds{1}));
}

/// Reads until the other end is closed, or `child` has ended or stopped: what it started may hold
/// the other end for long. `status` is then its wait status.
[[nodiscard]] inline Result<std::string> read_output(int descriptor, const ChildProcess& child,
                                                     std::chrono::steady_clock::time_point deadline,
                                                     std::optional<int>& status) {
  // A child in our process group stops and goes on with the whole group.
  const int options = child.has_own_group ? WUNTRACED : 0;
  // The size stands from the start: growing would leave copies of the secret behind.
  std::string output(kMaxProcessOutput + 1, '\0');
  std::size_t used = 0;
  for (int pause = 1;;) {
    pollfd waiting{descriptor, POLLIN, 0};
    const int longest = status ? 0 : (std::min)(pause, poll_timeout(deadline));
    const int ready = ::poll(&waiting, 1, longest);
    if (ready < 0 && errno != EINTR) return process_error(kWaitingFailed, errno);
    if (ready <= 0) {
      if (ready == 0 && status) break;  // the pipe is empty
      pause = (std::min)(2 * pause, 20);
      if (!status) status = wait_for(child.id, options, std::chrono::steady_clock::now());
      if (status || std::chrono::steady_clock::now() < deadline) continue;
      return process_error(kProcessTookTooLong);
    }
    const ssize_t got = ::read(descriptor, output.data() + used, output.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return process_error(kReadingFailed, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > kMaxProcessOutput) return process_error(kProcessWroteTooMuch);
  }
  if (!status) status = wait_for(child.id, options, deadline);
  if (!status) return process_error(kProcessDidNotEnd);
  output.resize(used);
  return output;
}

/// What a wait status says of a command that did not succeed.
[[nodiscard]] inline Error failed_process(int status) {
  if (WIFSTOPPED(status)) return process_error(kProcessNeedsTerminal);
  if (WIFSIGNALED(status)) {
    return process_error("the command was ended by signal " + std::to_string(WTERMSIG(status)) +
                         kProcessAdvice);
  }
  return failed_process_error(static_cast<unsigned long>(WEXITSTATUS(status)));
}

/// Runs a command until `deadline` at the latest and answers what it wrote to standard output.
/// Errors: Credentials.
[[nodiscard]] inline Result<std::string> run_system_process(
    const std::string& command, std::chrono::steady_clock::time_point deadline) {
  const Result<std::vector<std::string>> words = command_words(command);
  if (!words) return words.error();

  Descriptor reader{-1};
  Descriptor writer{-1};
  if (!make_pipe(reader, writer)) return process_error(kNoPipe, errno);

  const std::optional<termios> terminal = terminal_settings();
  ChildProcess child;
  child.has_own_group = !terminal;
  const int failure = SpawnPlan{}.spawn(*words, writer.number(), child);
  if (failure != 0) return process_error(kProcessNotStarted, failure);
  // The end of the output is seen only when the child alone holds the other end.
  writer.close();

  std::optional<int> status;
  Result<std::string> output = read_output(reader.number(), child, deadline, status);
  if (!status || WIFSTOPPED(*status)) kill_child(child);
  if (status && WIFEXITED(*status)) {
    if (!output || WEXITSTATUS(*status) == 0) return output;
    return failed_process(*status);
  }
  restore_terminal(terminal);
  return output ? failed_process(*status) : output;
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
