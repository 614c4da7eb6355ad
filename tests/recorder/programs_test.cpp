// SPDX-License-Identifier: Apache-2.0
//
// Whole programs with a recorder inside, from their start to their end: how they exit, fork, and
// load plug-ins. They are in recorder/programs.

#include <chrono>
#include <cstddef>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/child_process.hpp"
#include "support/local_endpoint.hpp"
#include "support/places.hpp"
#include "support/sanitizers.hpp"
#include "support/temporary_folder.hpp"

using personalize_events::testing::LocalEndpoint;

namespace {

struct Ended {
  int status{-1};  // as exit was given; -1: it was killed
  std::string output{};
};

std::string file(const std::string& name) {
  return (test::recorder_programs_folder() / ("recorder_" + name)).string();
}

// Runs an executable to its end.
Ended run_file(const std::string& name, std::vector<std::string> arguments) {
  test::ChildProcess child{file(name), std::move(arguments)};
  Ended ended;
  ended.output = child.read_all();
  ended.status = child.wait();
  return ended;
}

// Runs one of programs.hpp to its end.
Ended run(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  return run_file("programs", std::move(arguments));
}

std::size_t count_of(const std::string& line, const std::string& output) {
  std::size_t count = 0;
  for (auto at = output.find(line); at != std::string::npos; at = output.find(line, at + 1))
    ++count;
  return count;
}

}  // namespace

TEST_CASE("libcrypto is usable to the very end of a program") {
  CHECK(run("digest_at_exit", {}).status == 0);
}

TEST_CASE("A program may exit in a callback of its recorder") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const std::string where = GENERATE("static", "stack");
  CHECK(run("exit_in_callback", {endpoint.url(), where}).status == 7);
  CHECK(endpoint.summary().events >= 1);
}

TEST_CASE("A program ends at once although its provider of credentials hangs") {
  const std::string kind = GENERATE("client", "recorder");
  const std::string where = GENERATE("static", "stack");
  CAPTURE(kind, where);
  const auto begin = std::chrono::steady_clock::now();
  CHECK(run("hanging_provider", {kind, where}).status == 8);
  // It would be killed after two minutes.
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{5});
}

TEST_CASE("A static recorder delivers at the end of its program") {
  const LocalEndpoint endpoint = test::local_endpoint();
  // One that was in use before signs with a libcrypto that is about to end, too.
  const std::size_t before = GENERATE(0U, 1U);
  const Ended ended = run("static_recorder", {endpoint.url(), std::to_string(before)});
  CHECK(ended.status == 3);
  CHECK(endpoint.summary().events == 100 + before);
  CHECK(count_of("Delivered 10\n", ended.output) == 10);
  CHECK(count_of("\n", ended.output) == 10 + before);
}

TEST_CASE("A static recorder that cannot deliver tells at the end of its program") {
  LocalEndpoint gone = test::local_endpoint();
  gone.stop();
  const Ended ended = run("static_recorder", {gone.url(), "0"});
  CHECK(ended.status == 3);
  CHECK(count_of("Dropped 10\n", ended.output) == 10);
  CHECK(count_of("\n", ended.output) == 10);
}

TEST_CASE("A program may fork while it records: the events stay its own, and its children end") {
  if (!test::kChildMayGoOn) {
    WARN("not run: a sanitizer's children may hang");
    return;
  }
  const LocalEndpoint endpoint = test::local_endpoint();
  const Ended ended = run("fork_under_load", {endpoint.url()});
  CHECK(ended.status == 0);
  const auto summary = endpoint.summary();
  const std::string count = std::to_string(summary.events);
  CHECK(summary.events > 100);
  CHECK(ended.output == count + " " + count + "\n");
  CHECK(summary.duplicate_events == 0);
  CHECK(summary.refused_requests == 0);
}

TEST_CASE("Two plug-ins with the library inside do not disturb each other") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const std::string scope = GENERATE("local", "global");
  const std::string visibility = GENERATE("default", "hidden");
  const std::string plugin = file("plugin_" + visibility + "_");
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  const Ended ended =
      run_file("plugin_host", {endpoint.url(), scope, directory, plugin + "1.so", plugin + "2.so"});
  INFO(ended.output);
  CHECK(ended.status == 0);
  CHECK(endpoint.summary().events == 200);
  CHECK(endpoint.summary().duplicate_events == 0);
}

TEST_CASE("A plug-in that closes descriptors in forked children can be unloaded") {
  if (test::kIsSanitized) {
    WARN("not run: a sanitizer keeps plug-ins loaded");
    return;
  }
  CHECK(run_file("plugin_host", {"unload", file("lock_plugin.so")}).status == 0);
}

TEST_CASE("Recorders that share a client share its thread and its connections") {
  const LocalEndpoint endpoint = test::local_endpoint();
  const Ended ended = run("many_recorders", {endpoint.url(), "50", "shared"});
  CHECK(ended.status == 0);
  std::istringstream words{ended.output};
  std::string threads;
  std::size_t thread_count = 0;
  std::string descriptors;
  std::size_t descriptor_count = 0;
  words >> threads >> thread_count >> descriptors >> descriptor_count;
  CHECK(threads == "threads");
  CHECK(thread_count <= 3);
  CHECK(descriptor_count > 0);
  CHECK(descriptor_count < 100);
  CHECK(endpoint.summary().events == 50);
}
