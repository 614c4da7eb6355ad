// SPDX-License-Identifier: Apache-2.0
//
// A disk that does not return from a write holds nobody but the caller inside that write.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "support/local_endpoint.hpp"
#include "support/passing_files.hpp"
#include "support/recorder_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

namespace {

// Whether writes hang, each for at most 4 s.
class Hang {
 public:
  void begin() {
    const std::lock_guard<std::mutex> lock{mutex_};
    hangs_ = true;
  }
  void end() {
    const std::lock_guard<std::mutex> lock{mutex_};
    hangs_ = false;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock<std::mutex> lock{mutex_};
    if (!hangs_) return;
    ++inside_;
    changed_.notify_all();
    changed_.wait_for(lock, seconds{4}, [this] { return !hangs_; });
    --inside_;
  }
  [[nodiscard]] bool wait_until_inside() {
    std::unique_lock<std::mutex> lock{mutex_};
    return changed_.wait_for(lock, seconds{20}, [this] { return inside_ > 0; });
  }

 private:
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool hangs_{false};
  int inside_{0};
};

class HangingFile final : public test::PassingFile {
 public:
  HangingFile(std::unique_ptr<pe::File> file, std::shared_ptr<Hang> hang)
      : PassingFile(std::move(file)), hang_(std::move(hang)) {}
  pe::Result<std::size_t> append(std::string_view bytes) override {
    hang_->pass();
    return PassingFile::append(bytes);
  }
  pe::Result<void> sync() override {
    hang_->pass();
    return PassingFile::sync();
  }

 private:
  std::shared_ptr<Hang> hang_;
};

class HangingFiles final : public test::PassingFiles {
 public:
  HangingFiles() : PassingFiles(files_) {}

  std::shared_ptr<Hang> hang = std::make_shared<Hang>();

  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path,
                                             pe::OpenFor purpose) override {
    auto file = PassingFiles::open(path, purpose);
    if (!file) return std::move(file).error();
    return std::unique_ptr<pe::File>{std::make_unique<HangingFile>(*std::move(file), hang)};
  }

 private:
  pe::detail::SystemFiles files_{};
};

// How long a call takes.
template <class Call>
milliseconds time_of(const Call& call) {
  const auto begin = Clock::now();
  call();
  return std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
}

}  // namespace

TEST_CASE("a hung disk does not hold record, stats, flush and close") {
  const test::TemporaryFolder folder;
  const pe::testing::LocalEndpoint endpoint = test::local_endpoint();
  auto files = std::make_shared<HangingFiles>();
  test::Told told;
  pe::RecorderOptions options = told.options();
  options.block_timeout = milliseconds{200};
  options.shutdown_timeout = milliseconds{200};
  options.spool.emplace();
  options.spool->directory = folder / "spool";
  options.spool->min_free_bytes = 0;
  auto recorder = pe::detail::make_recorder(
      options,
      std::make_shared<pe::detail::AsyncCore>(test::recorder_client(endpoint.url()),
                                              pe::detail::LoopDriver::OwnThread),
      files);
  REQUIRE(recorder.has_value());
  REQUIRE(recorder->record({"visit-1"}, pe::Event{"Watch"}).has_value());

  files->hang->begin();
  std::thread writer{[&] { static_cast<void>(recorder->record({"visit-2"}, pe::Event{"Watch"})); }};
  CHECK(files->hang->wait_until_inside());
  const milliseconds stats = time_of([&] { static_cast<void>(recorder->stats()); });
  const milliseconds record =
      time_of([&] { static_cast<void>(recorder->record({"visit-3"}, pe::Event{"Watch"})); });
  const milliseconds flush =
      time_of([&] { static_cast<void>(recorder->flush(milliseconds{100})); });
  const milliseconds close =
      time_of([&] { static_cast<void>(recorder->close(milliseconds{200})); });
  files->hang->end();
  writer.join();
  CAPTURE(stats.count(), record.count(), flush.count(), close.count());
  CHECK(stats <= test::kSlack);
  CHECK(record <= options.block_timeout + test::kSlack);
  CHECK(flush <= milliseconds{100} + test::kSlack);
  CHECK(close <= milliseconds{200} + test::kSlack);
}
