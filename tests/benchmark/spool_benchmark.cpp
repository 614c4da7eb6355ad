// SPDX-License-Identifier: Apache-2.0
//
// What a spool costs whoever records: a call of record with one and without, against a raw write of
// the same bytes; and how much later the slowest calls of four processes on one directory return
// than those of one, against raw writes. scripts/bench runs it. Ratios tell; times are this
// machine's.
//
//   spool_benchmark [--rounds=N] [Google Benchmark's options]
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "personalize_events/async_client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "personalize_events/event_recorder.hpp"
#include "personalize_events/recorder/spool/disk_room.hpp"
#include "personalize_events/testing/fake_transport.hpp"

namespace pe = personalize_events;

namespace {

using Clock = std::chrono::steady_clock;

/// The calls that are measured at a time; long enough for a sync or two to happen meanwhile.
constexpr std::size_t kEvents = 200'000;
constexpr std::size_t kSessions = 1'000;

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "spool_benchmark: %s\n", what.c_str());
  std::exit(1);
}

/// A folder that is gone at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "pe-bench-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) fail(name + ": " + std::strerror(errno));
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The event of this number, of about the size of those that shops send.
pe::Event event_of(std::size_t number) {
  pe::Event event{"Watch"};
  event.item_id = "movie-" + std::to_string(number % 10'000);
  event.recommendation_id = "RID-4f2c-0000-4e9b-bd09-3c2d1a0b9e77";
  event.event_value = 4.5;
  event.properties = pe::Properties{{"device", "tv"}, {"rating", 4.5}, {"free", true}};
  return event;
}

pe::Session session_of(std::size_t number) {
  const std::string of = std::to_string(number % kSessions);
  return {"session-" + of, "user-" + of};
}

/// A recorder whose service never answers, so that no more than its own work is measured.
pe::EventRecorder make_recorder(const std::optional<std::string>& spool) {
  pe::RecorderOptions options = pe::RecorderOptions::server("tracking-id");
  options.max_pending_events = 10'000'000;
  options.max_pending_bytes = std::size_t{8} << 30U;
  options.shutdown_timeout = std::chrono::milliseconds{0};
  if (spool) {
    options.spool.emplace();
    options.spool->directory = *spool;
  }
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  transport->hold();
  pe::ClientOptions client;
  client.region = "us-east-1";
  client.endpoint_url = "http://127.0.0.1:9";
  client.credentials = pe::static_credentials({"id", "secret"});
  client.async_transport = transport;
  auto recorder = pe::make_recorder(std::move(options), pe::AsyncClient{std::move(client)});
  if (!recorder) fail(pe::to_string(recorder.error()));
  return *std::move(recorder);
}

/// What record is given, made before it is measured.
class Recorded {
 public:
  explicit Recorded(const std::optional<std::string>& spool) : recorder_(make_recorder(spool)) {
    for (std::size_t i = 0; i < kSessions; ++i) {
      sessions_.push_back(session_of(i));
      events_.push_back(event_of(i));
    }
  }
  void operator()() {
    const std::size_t i = next_++ % kSessions;
    // A copy, because record takes the event away; every measurement has it.
    if (!recorder_.record(sessions_[i], pe::Event{events_[i]})) fail("an event was refused");
  }

 private:
  std::vector<pe::Session> sessions_{};
  std::vector<pe::Event> events_{};
  pe::EventRecorder recorder_;
  std::size_t next_{0};
};

/// The bytes that an event has in a segment, found by recording some.
std::size_t frame_bytes() {
  const Folder folder;
  {
    Recorded record{folder / "spool"};
    for (std::size_t i = 0; i < kSessions; ++i) record();
  }
  pe::detail::SystemFiles files;
  return pe::detail::spool::spool_bytes(files, folder / "spool") / kSessions;
}

/// Writes so many bytes at a time to the end of a file.
class RawWrites {
 public:
  RawWrites(const std::string& path, std::size_t bytes)
      : number_(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600)),
        bytes_(bytes, 'x') {
    if (number_ < 0) fail(path + ": " + std::strerror(errno));
  }
  RawWrites(const RawWrites&) = delete;
  RawWrites& operator=(const RawWrites&) = delete;
  ~RawWrites() {
    if (::close(number_) != 0) fail("a file cannot be closed");
  }
  void operator()() {
    const std::size_t half = bytes_.size() / 2;
    const std::array<iovec, 2> parts{
        {{bytes_.data(), half}, {bytes_.data() + half, bytes_.size() - half}}};
    const ssize_t written = ::writev(number_, parts.data(), static_cast<int>(parts.size()));
    if (written != static_cast<ssize_t>(bytes_.size())) fail("a file cannot be written");
  }

 private:
  int number_;
  std::string bytes_;
};

// --- One thread, what a call costs
// ----------------------------------------------------------------

std::size_t frame_size_of_all = 0;

void raw_write(benchmark::State& state) {
  const Folder folder;
  RawWrites write{folder / "raw", frame_size_of_all};
  for (auto _ : state) write();
}
void record_without_spool(benchmark::State& state) {
  Recorded record{std::nullopt};
  for (auto _ : state) record();
}
void record_with_spool(benchmark::State& state) {
  const Folder folder;
  Recorded record{folder / "spool"};
  for (auto _ : state) record();
}
/// The copy of the event that the two before have in them.
void copy_event(benchmark::State& state) {
  const pe::Event event = event_of(1);
  for (auto _ : state) {
    pe::Event copy{event};
    benchmark::DoNotOptimize(copy);
  }
}

/// Keeps the times of each benchmark's repetitions, in nanoseconds, besides showing them.
class Reporter : public benchmark::ConsoleReporter {
 public:
  Reporter() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration) continue;
      const std::string& name = run.run_name.function_name;
      real[name].push_back(run.GetAdjustedRealTime());
      cpu[name].push_back(run.GetAdjustedCPUTime());
    }
  }
  std::map<std::string, std::vector<double>> real{};
  std::map<std::string, std::vector<double>> cpu{};
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}
double least(const std::vector<double>& values) {
  return *std::min_element(values.begin(), values.end());
}
double most(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

void print_cost(const char* clock, const std::map<std::string, std::vector<double>>& times) {
  const auto raw = times.find("raw_write");
  const auto without = times.find("record_without_spool");
  const auto with = times.find("record_with_spool");
  if (raw == times.end() || without == times.end() || with == times.end()) return;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < with->second.size(); ++i) {
    ratios.push_back(with->second[i] / (4 * raw->second.at(i) + without->second.at(i)));
  }
  std::printf(
      "%-5s  raw %.0f ns, without %.0f ns, with %.0f ns; with / (4 raw + without): "
      "median %.2f, %.2f to %.2f; the goal, at most 1, is %s\n",
      clock, median(raw->second), median(without->second), median(with->second), median(ratios),
      least(ratios), most(ratios), median(ratios) <= 1 ? "met" : "missed");
}

// --- Several processes, how slow the slowest calls are
// ---------------------------------------------

/// The time that 99 of 100 calls do not take, in nanoseconds.
template <class Call>
double p99_of(Call& call) {
  std::vector<std::uint32_t> times(kEvents);
  for (std::uint32_t& time : times) {
    const auto begin = Clock::now();
    call();
    const auto took = std::chrono::nanoseconds{Clock::now() - begin}.count();
    time = static_cast<std::uint32_t>(std::min<std::int64_t>(took, UINT32_MAX));
  }
  const auto place = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 100 * 99);
  std::nth_element(times.begin(), place, times.end());
  return *place;
}

void put(int pipe, const void* data, std::size_t size) {
  if (::write(pipe, data, size) != static_cast<ssize_t>(size)) fail("a pipe cannot be written");
}
void get(int pipe, void* data, std::size_t size) {
  if (::read(pipe, data, size) != static_cast<ssize_t>(size)) fail("a process ended too soon");
}

/// Measures in so many processes at once, which `measure(number)` does in each when all are ready,
/// and answers the worst of what they found.
template <class Measure>
double worst_of(std::size_t processes, const Measure& measure) {
  std::array<int, 2> start{};
  std::array<int, 2> results{};
  if (::pipe(start.data()) != 0 || ::pipe(results.data()) != 0) fail("there is no pipe");
  std::vector<pid_t> children;
  for (std::size_t number = 0; number < processes; ++number) {
    const pid_t child = ::fork();
    if (child < 0) fail("a process cannot be started");
    if (child == 0) {
      const double result = measure(number, [&] {
        put(results[1], "r", 1);
        char go = 0;
        get(start[0], &go, 1);
      });
      put(results[1], &result, sizeof result);
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (std::size_t i = 0; i < processes; ++i) {
    char ready = 0;
    get(results[0], &ready, 1);
  }
  const std::string go(processes, 'g');
  put(start[1], go.data(), go.size());
  double worst = 0;
  for (std::size_t i = 0; i < processes; ++i) {
    double result = 0;
    get(results[0], &result, sizeof result);
    worst = std::max(worst, result);
  }
  for (const pid_t child : children) {
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) fail("a process failed");
  }
  for (const int pipe : {start[0], start[1], results[0], results[1]}) {
    if (::close(pipe) != 0) fail("a pipe cannot be closed");
  }
  return worst;
}

double raw_p99(std::size_t processes, std::size_t bytes) {
  const Folder folder;
  return worst_of(processes, [&](std::size_t number, const auto& wait_for_all) {
    RawWrites write{folder / std::to_string(number), bytes};
    wait_for_all();
    return p99_of(write);
  });
}

/// `spool` is whether there is one.
double record_p99(std::size_t processes, bool spool) {
  const Folder folder;
  return worst_of(processes, [&](std::size_t, const auto& wait_for_all) {
    Recorded record{spool ? std::optional<std::string>{folder / "spool"} : std::nullopt};
    wait_for_all();
    return p99_of(record);
  });
}

void compare_processes(int rounds, std::size_t bytes) {
  constexpr std::size_t many = 4;
  // Of raw writes, of record without a spool and with one: one process, many.
  std::array<std::vector<double>, 6> times;
  std::printf("p99 of %zu calls in us, of one process and the worst of %zu\n", kEvents, many);
  std::printf("round     raw 1   raw %zu   without 1  without %zu   with 1   with %zu\n", many,
              many, many);
  const auto print = [&](const std::string& name, const auto& time) {
    std::printf("%-7s %7.1f %7.1f   %9.1f  %9.1f  %7.1f  %7.1f\n", name.c_str(), time(0), time(1),
                time(2), time(3), time(4), time(5));
    std::fflush(stdout);
  };
  for (int round = 1; round <= rounds; ++round) {
    for (std::size_t i = 0; i < times.size(); ++i) {
      const std::size_t processes = i % 2 == 0 ? 1 : many;
      times[i].push_back(i < 2 ? raw_p99(processes, bytes) : record_p99(processes, i >= 4));
    }
    print(std::to_string(round), [&](std::size_t i) { return times[i].back() / 1000; });
  }
  print("median", [&](std::size_t i) { return median(times[i]) / 1000; });
  const double raw = median(times[1]) / median(times[0]);
  const double without = median(times[3]) / median(times[2]);
  const double with = median(times[5]) / median(times[4]);
  std::printf(
      "slowed down by the others: raw x %.2f, without x %.2f, with x %.2f; with / raw %.2f; "
      "the goal, at most 2, is %s\n\n",
      raw, without, with, with / raw, with / raw <= 2 ? "met" : "missed");
}

}  // namespace

BENCHMARK(raw_write)->Iterations(kEvents)->Unit(benchmark::kNanosecond);
BENCHMARK(record_without_spool)->Iterations(kEvents)->Unit(benchmark::kNanosecond);
BENCHMARK(record_with_spool)->Iterations(kEvents)->Unit(benchmark::kNanosecond);
BENCHMARK(copy_event);

int main(int argc, char** argv) {
  int rounds = 5;
  std::vector<char*> arguments;
  for (int i = 0; i < argc; ++i) {
    const std::string_view argument{argv[i]};
    constexpr std::string_view name = "--rounds=";
    if (argument.substr(0, name.size()) == name) {
      rounds = std::atoi(argv[i] + name.size());
    } else {
      arguments.push_back(argv[i]);
    }
  }
  auto count = static_cast<int>(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;

  // In a process of its own: none may be forked from one that has threads.
  frame_size_of_all =
      static_cast<std::size_t>(worst_of(1, [](std::size_t, const auto& wait_for_all) {
        wait_for_all();
        return static_cast<double>(frame_bytes());
      }));
  std::printf("%zu bytes an event\n\n", frame_size_of_all);
  if (rounds > 0) compare_processes(rounds, frame_size_of_all);

  Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  std::printf("\n");
  print_cost("real", reporter.real);
  print_cost("CPU", reporter.cpu);
  return 0;
}
