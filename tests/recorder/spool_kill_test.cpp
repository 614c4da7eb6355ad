// SPDX-License-Identifier: Apache-2.0
//
// Killed processes: what `record` accepted arrives, under the id and with the content first given,
// in the order of its session, and no fault is reported that nothing caused.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "support/child_process.hpp"
#include "support/local_endpoint.hpp"
#include "support/places.hpp"
#include "support/recorder_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;

namespace {

// The times of the events that were accepted, by their ids.
using Accepted = std::map<std::string, std::int64_t>;

// One of recorder/programs/programs.hpp.
std::unique_ptr<test::ChildProcess> start_program(std::vector<std::string> arguments) {
  const std::string programs = (test::recorder_programs_folder() / "recorder_programs").string();
  return std::make_unique<test::ChildProcess>(programs, std::move(arguments));
}

// Whole lines only: the last one may be cut by the kill.
void add_accepted(const std::string& output, Accepted& accepted, std::size_t& faults) {
  std::istringstream lines{output.substr(0, output.rfind('\n') + 1)};
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t blank = line.find(' ');
    if (blank == std::string::npos) continue;
    if (line.compare(0, blank, "FAULT") == 0) {
      ++faults;
      continue;
    }
    accepted[line.substr(0, blank)] = std::strtoll(line.c_str() + blank, nullptr, 10);
  }
}

// What processes are made to go through, besides the kill.
struct Trouble {
  std::size_t max_pending_events{100'000};
  std::uint64_t max_bytes{256U << 20U};
  bool has_network_faults{false};
};

class Kills {
 public:
  explicit Kills(std::uint64_t seed, const Trouble& trouble = {})
      : trouble_(trouble), state_(seed) {
    if (trouble.has_network_faults) add_network_faults();
  }

  std::unique_ptr<test::ChildProcess> start() {
    const std::string name = "p" + std::to_string(++started_);
    return start_program({"spool_recorder", endpoint_.url(), directory(), name,
                          std::to_string(trouble_.max_pending_events),
                          std::to_string(trouble_.max_bytes)});
  }
  [[nodiscard]] std::size_t random(std::size_t end) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return static_cast<std::size_t>((state_ >> 33U) % end);
  }

  // Lets it record for a random while, and kills it at a moment that it does not choose.
  void kill(test::ChildProcess& child) {
    std::string output;
    const std::size_t wanted = random(20'000);
    while (output.size() <= wanted && child.read_some(output)) {
    }
    child.kill();
    output += child.read_all();
    CHECK(!output.empty());
    add_accepted(output, accepted_, faults_);
    ++kills_;
  }

  // A last process delivers what is left; then all is compared.
  void finish() {
    endpoint_.clear_faults();
    pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
    options.linger = std::chrono::milliseconds{5};
    options.spool.emplace();
    options.spool->directory = directory();
    options.spool->min_free_bytes = 0;
    options.on_fault = [this](const pe::Fault& fault) {
      const bool is_ours =
          fault.kind == pe::FaultKind::Disk || fault.kind == pe::FaultKind::SpoolDamaged;
      if (!fault.cleared && is_ours) ++faults_;
      if (!fault.cleared && is_ours) UNSCOPED_INFO(pe::to_string(fault.error));
    };
    auto recorder = pe::make_recorder(options, test::recorder_client(endpoint_.url()));
    REQUIRE(recorder.has_value());
    CHECK(recorder->close(std::chrono::seconds{120}).complete);
    CHECK(faults_ == 0);
    const pe::RecorderStats stats = recorder->stats();
    CHECK(test::adds_up(stats));
    CHECK(stats.adopted == stats.delivered);

    std::set<std::string> arrived;
    std::map<std::string, std::uint64_t> last_of_session;
    std::size_t wrong = 0;
    std::size_t inversions = 0;
    for (const auto& one : endpoint_.events()) {
      const std::string& id = one.event.event_id.value();
      if (one.event.item_id != "item-" + id) ++wrong;
      if (arrived.insert(id).second) {
        const std::uint64_t order = std::strtoull(id.c_str() + id.rfind('-') + 1, nullptr, 10);
        std::uint64_t& last = last_of_session[one.session_id];
        if (order < last) ++inversions;
        last = std::max(last, order);
      }
      const auto found = accepted_.find(id);
      // Accepted and not printed any more is possible; another time is not.
      if (found == accepted_.end()) continue;
      const auto sent = std::chrono::time_point_cast<std::chrono::milliseconds>(*one.event.sent_at);
      if (sent.time_since_epoch().count() != found->second) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(inversions == 0);
    std::vector<std::string> lost;
    for (const auto& [id, time] : accepted_) {
      if (arrived.count(id) == 0) lost.push_back(id);
    }
    CHECK(lost == std::vector<std::string>{});
    CHECK(accepted_.size() > kills_);
    WARN(kills_ << " kills, " << accepted_.size() << " events accepted, "
                << endpoint_.summary().events << " arrived, "
                << endpoint_.summary().duplicate_events << " of them again");
    std::size_t left = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory())) {
      left += entry.path().filename().string().rfind("w-", 0) == 0 ? 1U : 0U;
    }
    // Its own, which goes with it.
    CHECK(left <= 1);
  }

 private:
  std::string directory() const { return folder_ / "spool"; }
  void add_network_faults() {
    const auto add = [this](double probability, int status, pe::testing::Sending sending,
                            std::chrono::milliseconds delay) {
      pe::testing::FaultRule rule;
      rule.probability = probability;
      rule.status = status;
      rule.sending = sending;
      rule.delay = delay;
      endpoint_.add_fault(rule);
    };
    using pe::testing::Sending;
    using std::chrono::milliseconds;
    add(0.05, 503, Sending::Whole, milliseconds{0});
    add(0.03, 0, Sending::ResetBefore, milliseconds{0});
    add(0.03, 0, Sending::ResetAfter, milliseconds{0});
    add(0.1, 0, Sending::Whole, milliseconds{20});
  }

  static pe::testing::LocalEndpointOptions endpoint_options() {
    pe::testing::LocalEndpointOptions options;
    options.max_records = 10'000'000;
    return options;
  }

  test::TemporaryFolder folder_{};
  pe::testing::LocalEndpoint endpoint_ = test::local_endpoint(endpoint_options());
  Accepted accepted_{};
  Trouble trouble_;
  std::uint64_t state_;
  std::size_t faults_{0};
  std::size_t started_{0};
  std::size_t kills_{0};
};

}  // namespace

TEST_CASE("a killed process loses nothing that it accepted") {
  Kills kills{1};
  for (std::size_t round = 0; round < test::scaled(40); ++round) kills.kill(*kills.start());
  kills.finish();
}

TEST_CASE("four processes on one directory lose nothing when they are killed") {
  Kills kills{2};
  for (std::size_t round = 0; round < test::scaled(40) / 4; ++round) {
    std::vector<std::unique_ptr<test::ChildProcess>> children;
    for (int i = 0; i < 4; ++i) children.push_back(kills.start());
    for (const auto& child : children) kills.kill(*child);
  }
  kills.finish();
}

TEST_CASE("killed processes lose and reorder nothing with an overflow and a bad network") {
  Trouble trouble;
  trouble.max_pending_events = 50;
  trouble.max_bytes = 64U << 20U;
  trouble.has_network_faults = true;
  SECTION("one process at a time") {
    Kills kills{4, trouble};
    for (std::size_t round = 0; round < test::scaled(120); ++round) kills.kill(*kills.start());
    kills.finish();
  }
  SECTION("four processes") {
    Kills kills{5, trouble};
    for (std::size_t round = 0; round < test::scaled(80) / 4; ++round) {
      std::vector<std::unique_ptr<test::ChildProcess>> children;
      for (int i = 0; i < 4; ++i) children.push_back(kills.start());
      for (const auto& child : children) kills.kill(*child);
    }
    kills.finish();
  }
  SECTION("up to eight processes") {
    Kills kills{6, trouble};
    for (std::size_t round = 0; round < test::scaled(80);) {
      std::vector<std::unique_ptr<test::ChildProcess>> children;
      for (std::size_t i = 1 + kills.random(8); i > 0; --i) children.push_back(kills.start());
      round += children.size();
      for (const auto& child : children) kills.kill(*child);
    }
    kills.finish();
  }
}

TEST_CASE("a process that takes over what others left leaves the living alone") {
  Kills kills{3};
  // Each begins, and takes over, while the one before it still records.
  auto living = kills.start();
  for (std::size_t round = 0; round < test::scaled(40); ++round) {
    auto next = kills.start();
    kills.kill(*living);
    living = std::move(next);
  }
  kills.kill(*living);
  kills.finish();
}

namespace {

/// Starts spool_fork and waits until it is ready.
std::unique_ptr<test::ChildProcess> start_spool_fork(const std::string& directory,
                                                     const std::string& how) {
  auto program = start_program({"spool_fork", directory, how});
  std::string output;
  while (output.find("ready\n") == std::string::npos && program->read_some(output)) {
  }
  REQUIRE(output == "ready\n");
  return program;
}

/// Whether no process has the lock of the one folder of a spool.
bool is_free(const std::string& directory) {
  pe::detail::SystemFiles files;
  pe::detail::spool::FolderLocks locks;
  const auto names = files.list_folder(directory);
  REQUIRE(names.has_value());
  REQUIRE(names->size() == 1);
  const auto lock = locks.take(files, directory + "/" + names->front());
  REQUIRE(lock.has_value());
  return lock->has_value();
}

/// Waits until no process has the lock: a child that was forked just now closes it a moment later.
bool becomes_free(const std::string& directory) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (!is_free(directory)) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::yield();
  }
  return true;
}

/// How many events a new recorder adopts from a directory before the first scan of all folders is
/// surely over, or until it has this many.
std::uint64_t adopt(const std::string& directory, std::uint64_t wanted) {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.spool.emplace();
  options.spool->directory = directory;
  options.spool->min_free_bytes = 0;
  // The scope of spool_fork. No server listens there, so that the events stay.
  auto recorder = pe::make_recorder(options, test::recorder_client("http://127.0.0.1:1"));
  REQUIRE(recorder.has_value());
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  while (recorder->stats().adopted < wanted && std::chrono::steady_clock::now() < limit) {
    static_cast<void>(recorder->flush(std::chrono::milliseconds{10}));
  }
  const std::uint64_t adopted = recorder->stats().adopted;
  static_cast<void>(recorder->close(std::chrono::milliseconds{0}));
  return adopted;
}

}  // namespace

TEST_CASE("a dead parent's spool is adopted at once, whatever its forked child does") {
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  const auto parent = start_spool_fork(directory, GENERATE("close", "leave"));
  CHECK(parent->wait() == -1);  // killed by its child, which lives on
  CHECK(is_free(directory));
  CHECK(adopt(directory, 10) == 10);
  parent->end_input();
  CHECK(parent->read_all().empty());
}

TEST_CASE("a process that forks while it records keeps its lock until it dies") {
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  const auto parent = start_spool_fork(directory, "busy");
  // Fifty of its children live, fifty have exited.
  CHECK_FALSE(is_free(directory));
  parent->kill();
  CHECK(becomes_free(directory));
  CHECK(adopt(directory, 1) >= 1);
  parent->end_input();
  CHECK(parent->read_all().empty());
}
