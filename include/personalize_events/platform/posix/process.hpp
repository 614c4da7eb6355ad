// SPDX-License-Identifier: Apache-2.0
//
// Child processes of POSIX systems, for platform/process.hpp. A command without shell syntax runs
// without a shell; the child gets no descriptor of ours.
#ifndef PERSONALIZE_EVENTS_PLATFORM_POSIX_PROCESS_HPP
#define PERSONALIZE_EVENTS_PLATFORM_POSIX_PROCESS_HPP

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/types.h>
#include <sys/wait.h>
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

#include "personalize_events/platform/posix/descriptor.hpp"
#include "personalize_events/platform/process_error.hpp"
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

/// Makes a pipe of which no other child inherits an end. False with errno set on failure.
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
  if (ends[1] > STDERR_FILENO) return true;
  // In a program whose standard descriptors are closed the end would be overwritten in the child.
  const int moved = ::fcntl(ends[1], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (moved < 0) return false;
  writer.reset(moved);
  return true;
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

  /// Starts `words` in a process group of its own, with its standard output at `output`, the other
  /// two at /dev/null, no other descriptor, no signal blocked or ignored. Answers an errno, 0 for
  /// success.
  [[nodiscard]] int spawn(const std::vector<std::string>& words, int output, pid_t& child) {
    int failure = set_up(output);
    if (failure != 0) return failure;
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    // posix_spawn takes char* for the sake of old C and changes nothing.
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    return ::posix_spawnp(&child, arguments.front(), &actions_, &attributes_, arguments.data(),
                          environ);
  }

 private:
  [[nodiscard]] int set_up(int output) {
    if (const int failure = ::posix_spawn_file_actions_init(&actions_); failure != 0) {
      return failure;
    }
    has_actions_ = true;
    if (const int failure = ::posix_spawnattr_init(&attributes_); failure != 0) return failure;
    has_attributes_ = true;

    sigset_t none;
    sigset_t defaulted;
    if (::sigemptyset(&none) != 0 || ::sigemptyset(&defaulted) != 0) return errno;
    // An ignored signal stays ignored over exec, unlike a handled one.
    for (const int number :
         {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGALRM, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2}) {
      if (::sigaddset(&defaulted, number) != 0) return errno;
    }
    constexpr int flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    for (const int failure : {
             ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO),
             ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0),
             ::posix_spawn_file_actions_addopen(&actions_, STDERR_FILENO, "/dev/null", O_WRONLY, 0),
             add_close_of_others(actions_),
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

/// Waits for the end of `child` until `deadline`. Answers its wait status, or an empty optional
/// when it still runs. A program that ignores SIGCHLD or waits for all children takes the status
/// away: 0.
[[nodiscard]] inline std::optional<int> reap(pid_t child,
                                             std::chrono::steady_clock::time_point deadline) {
  for (int pause = 1;; pause = std::min(2 * pause, 20)) {
    int status = 0;
    const pid_t ended = ::waitpid(child, &status, WNOHANG);
    if (ended == child) return status;
    if (ended < 0 && errno == ECHILD) return 0;
    const int left = poll_timeout(deadline);
    if (left == 0) return std::nullopt;
    // There is no wait with a timeout; an interrupted pause only looks again sooner.
    static_cast<void>(::poll(nullptr, 0, std::min(pause, left)));
  }
}

/// Kills a child with all that it started. The wait for the end is bounded, because a child that
/// took another user's rights cannot be killed by us.
inline void kill_group(pid_t child) {
  // Fails only when nothing is left to kill, or for such a child.
  static_cast<void>(::kill(-child, SIGKILL));
  static_cast<void>(reap(child, std::chrono::steady_clock::now() + std::chrono::seconds{1}));
}

/// The wait status of `child` if it has ended, as reap returns it.
[[nodiscard]] inline std::optional<int> reap_if_ended(pid_t child) {
  return reap(child, std::chrono::steady_clock::now());
}

/// Reads until the other end is closed, or `child` has ended: what it started may hold the other
/// end for long. `status` is then its wait status.
[[nodiscard]] inline Result<std::string> read_output(int descriptor, pid_t child,
                                                     std::chrono::steady_clock::time_point deadline,
                                                     std::optional<int>& status) {
  // The size stands from the start: growing would leave copies of the secret behind.
  std::string output(kMaxProcessOutput + 1, '\0');
  std::size_t used = 0;
  for (int pause = 1;;) {
    pollfd waiting{descriptor, POLLIN, 0};
    const int longest = status ? 0 : std::min(pause, poll_timeout(deadline));
    const int ready = ::poll(&waiting, 1, longest);
    if (ready < 0 && errno != EINTR) return process_error(kWaitingFailed, errno);
    if (ready <= 0) {
      if (ready == 0 && status) break;  // the pipe is empty
      pause = std::min(2 * pause, 20);
      if (!status) status = reap_if_ended(child);
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
  output.resize(used);
  return output;
}

/// What a wait status says of a command that did not succeed.
[[nodiscard]] inline Error failed_process(int status) {
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

  pid_t child = -1;
  const int failure = SpawnPlan{}.spawn(*words, writer.number(), child);
  if (failure != 0) return process_error(kProcessNotStarted, failure);
  // The end of the output is seen only when the child alone holds the other end.
  writer.close();

  std::optional<int> status;
  Result<std::string> output = read_output(reader.number(), child, deadline, status);
  if (!output) {
    if (!status) kill_group(child);
    return output;
  }
  if (!status) status = reap(child, deadline);
  if (!status) {
    kill_group(child);
    return process_error(kProcessDidNotEnd);
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) return failed_process(*status);
  return output;
}

}  // namespace detail
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
