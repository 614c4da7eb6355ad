// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/platform/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support/temporary_folder.hpp"
#include "support/terminal_program.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

using Numbers = std::vector<int>;
using Words = std::vector<std::string>;

pe::Result<std::string> run(const std::string& command, milliseconds timeout = seconds{20}) {
  test::leave_terminal();
  return pe::detail::run_process(command, timeout);
}

pe::Error error_of(const pe::Result<std::string>& result) {
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().kind == pe::ErrorKind::Credentials);
  CHECK(result.error().where == "credential_process");
  return result.error();
}

Words words_of(const std::string& command) {
  auto words = pe::detail::command_words(command);
  REQUIRE(words.has_value());
  return *std::move(words);
}

// Runs a command in a program of its own, whose terminal is not taken away.
std::string run_at_terminal(const std::string& command, milliseconds timeout = seconds{20}) {
  const auto output = pe::detail::run_process(command, timeout);
  if (::waitpid(-1, nullptr, WNOHANG) >= 0 || errno != ECHILD) return "the command still runs";
  return output ? *output : "error: " + output.error().message;
}

std::string content_of(const std::string& path) {
  std::ifstream file{path};
  return {std::istreambuf_iterator<char>{file}, {}};
}

// Whether a process has ended: gone, or a zombie that only its new parent has to collect.
bool has_ended(pid_t process) {
  const auto state =
      run("sh -c 'cut -d\" \" -f3 /proc/" + std::to_string(process) + "/stat || echo gone'");
  REQUIRE(state.has_value());
  return *state == "gone\n" || *state == "Z\n" || *state == "X\n";
}

}  // namespace

TEST_CASE("a command is cut into words") {
  CHECK(words_of("echo a b") == Words{"echo", "a", "b"});
  CHECK(words_of("  echo \t a  ") == Words{"echo", "a"});
  CHECK(words_of("'/opt/my tool' \"two words\"") == Words{"/opt/my tool", "two words"});
  CHECK(words_of("a'b c'd\"e f\"g") == Words{"ab cde fg"});
  CHECK(words_of("echo '' \"\"") == Words{"echo", "", ""});
  CHECK(words_of("a\\ b \\\" \\' \\\\") == Words{"a b", "\"", "'", "\\"});
  CHECK(words_of("\"\\\"\\\\\\$\\`\\n\"") == Words{"\"\\$`\\n"});
  CHECK(words_of("'\\n'") == Words{"\\n"});
  CHECK(words_of("echo '$HOME | ; > *' \"$HOME `x`\" ~") ==
        Words{"echo", "$HOME | ; > *", "$HOME `x`", "~"});
  CHECK(words_of("a\\|b\\$c") == Words{"a|b$c"});
}

TEST_CASE("shell syntax outside quotes asks for a shell") {
  for (const char character : std::string{"|&;<>()$`*?[\n"}) {
    const std::string command = std::string{"echo 'a b' "} + character + " c";
    CAPTURE(command);
    CHECK(words_of(command) == Words{"/bin/sh", "-c", command});
  }
}

TEST_CASE("a command that is none is refused") {
  const auto message_of = [](const std::string& command) { return error_of(run(command)).message; };
  CHECK_THAT(message_of(""), test::ContainsSubstring("empty"));
  CHECK_THAT(message_of(" \t "), test::ContainsSubstring("empty"));
  CHECK_THAT(message_of("echo 'a"), test::ContainsSubstring("quote"));
  CHECK_THAT(message_of("echo \"a'"), test::ContainsSubstring("quote"));
  CHECK_THAT(message_of("echo a\\"), test::ContainsSubstring("backslash"));
  CHECK_THAT(message_of(std::string{"echo\0a", 6}), test::ContainsSubstring("zero byte"));
}

TEST_CASE("a command's output is answered byte by byte") {
  CHECK(run("echo hello").value_or("") == "hello\n");
  CHECK(run("printf '%s,' 'a b' \"c'd\" e\\ f").value_or("") == "a b,c'd,e f,");
  CHECK(run("printf ''").value_or("?").empty());
  CHECK(run("echo one && echo two | tr t T").value_or("") == "one\nTwo\n");
  CHECK(run("sh -c 'echo $0' name").value_or("") == "name\n");
}

TEST_CASE("a variable is replaced by a shell only") {
  CHECK(run("echo '$HOME' \"$HOME\"").value_or("") == "$HOME $HOME\n");
  CHECK(run("X=5; echo $X").value_or("") == "5\n");
}

TEST_CASE("a failing command is an error that tells neither it nor its output") {
  const pe::Error error =
      error_of(run("sh -c 'echo out-secret; echo error-secret >&2; exit 7' argument-secret"));
  CHECK_THAT(error.message, test::ContainsSubstring("exit status 7"));
  CHECK(error.message.find("secret") == std::string::npos);
  CHECK_THAT(error_of(run("sh -c 'kill -9 $$'")).message, test::ContainsSubstring("signal 9"));
}

TEST_CASE("a program that does not exist is an error") {
  const pe::Error error = error_of(run("/nowhere/secret-program"));
#if defined(PERSONALIZE_EVENTS_TESTS_EMULATED)
  // qemu-user starts a child by a fork, in which a failing exec cannot be told to the parent.
  CHECK_THAT(error.message, test::ContainsSubstring("exit status 127"));
#else
  CHECK_THAT(error.message, test::ContainsSubstring("could not be started"));
#endif
  CHECK(error.message.find("secret") == std::string::npos);
  CHECK_THAT(error_of(run("/nowhere/program | cat; exit 127")).message,
             test::ContainsSubstring("127"));
}

TEST_CASE("the cap of the output is 64 KiB") {
  CHECK(run("head -c 65536 /dev/zero").value_or("").size() == 65'536);
  CHECK_THAT(error_of(run("head -c 65537 /dev/zero")).message,
             test::ContainsSubstring("more than 65536"));
  const auto start = steady_clock::now();
  CHECK_THAT(error_of(run("cat /dev/zero")).message, test::ContainsSubstring("more than 65536"));
  CHECK(steady_clock::now() - start < seconds{10});
}

TEST_CASE("at the timeout a command is killed with what it started") {
  // The grandchild tells its number through a file, since the output of a killed command is lost.
  char path[] = "/tmp/personalize-events-process-XXXXXX";
  const int file = ::mkstemp(path);
  REQUIRE(file >= 0);
  const auto start = steady_clock::now();
  const std::string command = std::string{"sleep 300 & echo $! > "} + path + "; wait";
  const pe::Error error = error_of(run(command, milliseconds{500}));
  CHECK_THAT(error.message, test::ContainsSubstring("too long"));
  CHECK(steady_clock::now() - start < seconds{10});

  char text[32] = {};
  REQUIRE(::read(file, text, sizeof text - 1) > 0);
  const auto grandchild = static_cast<pid_t>(std::stol(text));
  const auto deadline = steady_clock::now() + seconds{10};
  while (!has_ended(grandchild) && steady_clock::now() < deadline) std::this_thread::yield();
  CHECK(has_ended(grandchild));

  ::close(file);
  ::unlink(path);
}

TEST_CASE("a command that closes its output and stays is killed too") {
  const auto start = steady_clock::now();
  const pe::Error error = error_of(run("sh -c 'exec >&-; exec sleep 300'", milliseconds{300}));
  CHECK_THAT(error.message, test::ContainsSubstring("closed its output"));
  CHECK(steady_clock::now() - start < seconds{10});
}

TEST_CASE("no time at all is a timeout, and a very long one is no overflow") {
  CHECK_THAT(error_of(run("sleep 300", milliseconds{0})).message,
             test::ContainsSubstring("too long"));
  CHECK_THAT(error_of(run("sleep 300", milliseconds::min())).message,
             test::ContainsSubstring("too long"));
  CHECK(run("echo fine", milliseconds::max()).value_or("") == "fine\n");
}

TEST_CASE("a child gets no descriptor, no input and no blocked signal of ours") {
  // Opened without close-on-exec, as an application might.
  const int leaky = ::open("/dev/null", O_RDONLY);
  REQUIRE(leaky >= 3);
  // ls opens one more for the listing itself.
  CHECK(run("ls /proc/self/fd").value_or("") == "0\n1\n2\n3\n");
  CHECK(run("cat").value_or("?").empty());
  ::close(leaky);

  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  REQUIRE(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
  const auto blocked = run("grep -E '^SigBlk' /proc/self/status");
  REQUIRE(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0);
  CHECK(blocked.value_or("") == "SigBlk:\t0000000000000000\n");

  struct sigaction ignore {};
  struct sigaction previous {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(sigaction(SIGPIPE, &ignore, &previous) == 0);
  const auto ignored = run("grep -E '^SigIgn' /proc/self/status");
  REQUIRE(sigaction(SIGPIPE, &previous, nullptr) == 0);
  REQUIRE(ignored.has_value());
  const auto bits = std::stoull(ignored->substr(ignored->find('\t') + 1), nullptr, 16);
  CHECK((bits & (1ULL << (SIGPIPE - 1))) == 0);
}

TEST_CASE("the descriptors that are open now can be listed for closing") {
  const int leaky = ::open("/dev/null", O_RDONLY);
  REQUIRE(leaky >= 3);
  posix_spawn_file_actions_t actions;
  REQUIRE(posix_spawn_file_actions_init(&actions) == 0);
  REQUIRE(pe::detail::add_close_of_listed(actions) == 0);
  const std::string script = "test ! -e /proc/self/fd/" + std::to_string(leaky);
  std::string shell = "sh";
  std::string flag = "-c";
  std::string text = script;
  char* arguments[] = {shell.data(), flag.data(), text.data(), nullptr};
  pid_t child = -1;
  REQUIRE(posix_spawnp(&child, "sh", &actions, nullptr, arguments, environ) == 0);
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(leaky);
}

TEST_CASE("a program without standard descriptors can run commands") {
  const auto closed = GENERATE(Numbers{0, 1, 2}, Numbers{2}, Numbers{1, 2});
  CAPTURE(closed);
  const pid_t program = ::fork();
  REQUIRE(program >= 0);
  if (program == 0) {
    for (const int number : closed) ::close(number);
    // What a child writes to standard error must not reach a descriptor of ours.
    const auto output =
        pe::detail::run_process("sh -c 'readlink /proc/self/fd/2; echo no >&2'", seconds{20});
    ::_exit(output.value_or("") == "/dev/null\n" ? 0 : 1);
  }
  int status = -1;
  REQUIRE(::waitpid(program, &status, 0) == program);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("a program that ignores SIGCHLD still gets the output") {
  struct sigaction ignore {};
  struct sigaction previous {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(sigaction(SIGCHLD, &ignore, &previous) == 0);
  const auto output = run("echo hello");
  REQUIRE(sigaction(SIGCHLD, &previous, nullptr) == 0);
  CHECK(output.value_or("") == "hello\n");
}

TEST_CASE("many threads run commands at once, and no descriptor is left behind") {
  // In this process: one that is run by `run` sees pipes that are just being closed.
  const auto count_descriptors = [] {
    const std::filesystem::directory_iterator open{"/proc/self/fd"};
    return std::distance(begin(open), end(open));
  };
  const auto before = count_descriptors();
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (std::size_t i = 0; i < good.size(); ++i) {
    threads.emplace_back([i, &good] {
      for (int round = 0; round < 10; ++round) {
        const std::string text = std::to_string(i) + "-" + std::to_string(round);
        if (run("echo " + text).value_or("") == text + "\n") ++good[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == std::vector<int>{10, 10, 10, 10});
  CHECK(count_descriptors() == before);
}

TEST_CASE("what a command leaves behind does not delay its output") {
  const auto begin = steady_clock::now();
  const auto output = run("sh -c 'sleep 30 & echo $!; echo \"{}\"'");
  CHECK(steady_clock::now() - begin < seconds{15});
  REQUIRE(output.has_value());
  CHECK_THAT(*output, test::ContainsSubstring("\n{}\n"));
  const pid_t left = std::stoi(*output);
  CHECK_FALSE(has_ended(left));  // it may be an agent that serves the next call
  CHECK(::kill(left, SIGKILL) == 0);
  const auto failed = run("sh -c 'sleep 1 & exit 3'");
  CHECK_THAT(error_of(failed).message, test::ContainsSubstring("3"));
}

TEST_CASE("a command asks a person at the terminal, on standard input or /dev/tty") {
  for (const std::string from : {"", "</dev/tty"}) {
    CAPTURE(from);
    test::TerminalProgram program{[&from] {
      return run_at_terminal("sh -c 'printf \"MFA code: \" >&2; read -r code " + from +
                             "; echo \"{\\\"code\\\": $code}\"'");
    }};
    REQUIRE(program.shows("MFA code: "));
    program.type("123456\n");
    CHECK(program.result() == "{\"code\": 123456}\n");
  }
}

TEST_CASE("at a terminal a command is in the process group of the program") {
  test::TerminalProgram program{[] {
    const auto group = run_at_terminal("sh -c 'cut -d\" \" -f5 /proc/$$/stat'");
    return group == std::to_string(::getpgrp()) + "\n" ? "same" : group;
  }};
  CHECK(program.result() == "same");
}

TEST_CASE("standard error is inherited, and no part of it is in the error") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "errors";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(file >= 0);
  const int before = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  REQUIRE(::dup2(file, STDERR_FILENO) == STDERR_FILENO);
  const auto failed = run("sh -c 'echo error-secret >&2; exit 3'");
  const auto good = run("sh -c 'echo warning-secret >&2; echo keys'");
  REQUIRE(::dup2(before, STDERR_FILENO) == STDERR_FILENO);
  ::close(before);
  ::close(file);
  CHECK(content_of(path) == "error-secret\nwarning-secret\n");
  CHECK(good.value_or("") == "keys\n");
  const pe::Error error = error_of(failed);
  CHECK_THAT(error.message,
             test::ContainsSubstring("exit status 3") && test::ContainsSubstring("standard error"));
  CHECK(error.message.find("secret") == std::string::npos);
}

TEST_CASE("at a terminal a command is killed at its timeout, and what it started delays nothing") {
  const test::TemporaryFolder folder;
  const std::string path = folder / "started";
  const auto begin = steady_clock::now();
  test::TerminalProgram program{[&path] {
    // The grandchild holds the output of the command.
    const auto said = run_at_terminal("sh -c 'sleep 300 & echo $! > " + path + "; read -r code'",
                                      milliseconds{500});
    const auto grandchild = static_cast<pid_t>(std::stol(content_of(path)));
    return said + (::kill(grandchild, SIGKILL) == 0 ? "; it went on" : "");
  }};
  CHECK_THAT(program.result(),
             test::ContainsSubstring("too long") && test::ContainsSubstring("it went on"));
  CHECK(steady_clock::now() - begin < seconds{10});
}

TEST_CASE("a killed command leaves the terminal's echo on") {
  const auto echoes = [] {
    termios settings{};
    return ::tcgetattr(STDIN_FILENO, &settings) == 0 && (settings.c_lflag & ECHO) != 0;
  };
  test::TerminalProgram hangs{[&echoes] {
    const auto said = run_at_terminal("sh -c 'stty -echo; sleep 300'", milliseconds{500});
    return said + (echoes() ? ", echo" : ", no echo");
  }};
  CHECK_THAT(hangs.result(),
             test::ContainsSubstring("too long") && test::ContainsSubstring(", echo"));
  // As Ctrl-C in a program that handles SIGINT.
  test::TerminalProgram interrupted{[&echoes] {
    const auto said = run_at_terminal("sh -c 'stty -echo; kill -INT $$'");
    return said + (echoes() ? ", echo" : ", no echo");
  }};
  CHECK_THAT(interrupted.result(),
             test::ContainsSubstring("signal 2") && test::ContainsSubstring(", echo"));
}

TEST_CASE("a command that cannot read the terminal fails at once and does not stop the program") {
  const std::string command = "sh -c 'sleep 300 & read -r code </dev/tty; echo $code'";
  const auto begin = steady_clock::now();

  test::TerminalProgram without_input{[&command] {
    ::dup2(::open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    return run_at_terminal(command);
  }};
  CHECK_THAT(without_input.result(), test::ContainsSubstring("reads from a terminal"));

  // A job that a shell started with `&`: the shell's group is in the foreground.
  test::TerminalProgram background{[&command] {
    int ends[2] = {};
    if (::pipe(ends) != 0) return std::string{"no pipe"};
    const pid_t job = ::fork();
    if (job == 0) {
      ::setpgid(0, 0);
      const std::string text = run_at_terminal(command);
      ::_exit(::write(ends[1], text.data(), text.size()) > 0 ? 0 : 1);
    }
    int status = 0;
    if (::waitpid(job, &status, WUNTRACED) != job) return std::string{"no job"};
    if (WIFSTOPPED(status)) return std::string{"the job was stopped"};
    char text[500] = {};
    const ssize_t count = ::read(ends[0], text, sizeof text);
    return std::string(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  }};
  CHECK_THAT(background.result(), test::ContainsSubstring("reads from a terminal"));
  CHECK(steady_clock::now() - begin < seconds{15});
}
