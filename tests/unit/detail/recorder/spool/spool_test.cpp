// SPDX-License-Identifier: Apache-2.0

#include "personalize_events/detail/recorder/spool/spool.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/detail/platform/system_files.hpp"
#include "personalize_events/detail/platform/system_platform.hpp"
#include "personalize_events/detail/platform/thread.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "support/faulty_files.hpp"
#include "support/passing_files.hpp"
#include "support/recorder_events.hpp"
#include "support/spool_entries.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;
namespace spool = personalize_events::detail::spool;
using pe::detail::kOwnLog;
using pe::detail::SteadyTime;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using test::PendingEvent;

namespace {

pe::SpoolOptions spool_options() {
  pe::SpoolOptions options;
  options.directory = "/spool";
  options.min_free_bytes = 0;
  options.account = "account";
  return options;
}

/// The memory of a recorder.
class Memory final : public spool::PendingSource {
 public:
  std::map<std::uint64_t, PendingEvent> events{};
  std::uint64_t last{0};

  std::uint64_t add(PendingEvent event) {
    event.place = ++last;
    events.emplace(last, std::move(event));
    return last;
  }
  std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
    for (auto next = events.upper_bound(written); next != events.end(); ++next) {
      if (!visit(next->second)) break;
    }
    return last;
  }
  void visit(const Visit& visit) override {
    for (const auto& [place, event] : events) {
      if (!visit(event)) break;
    }
  }
};

/// A disk on which an append may hang until the test releases it.
class HangingFiles final : public test::PassingFiles {
 public:
  explicit HangingFiles(std::shared_ptr<pe::FileSystem> files)
      : PassingFiles(*files), files_(std::move(files)) {}

  void hang() {
    const std::lock_guard<std::mutex> lock(mutex_);
    hangs_ = true;
  }
  void wait_until_hanging() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  void release() {
    const std::lock_guard<std::mutex> lock(mutex_);
    hangs_ = false;
    changed_.notify_all();
  }
  void pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !hangs_; });
    --waiting_;
  }

  pe::Result<std::unique_ptr<pe::File>> open(const std::string& path, pe::OpenFor purpose) override;

 private:
  std::shared_ptr<pe::FileSystem> files_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool hangs_{false};
  int waiting_{0};
};

class HangingFile final : public test::PassingFile {
 public:
  HangingFile(HangingFiles& disk, std::unique_ptr<pe::File> file)
      : PassingFile(std::move(file)), disk_(disk) {}
  pe::Result<std::size_t> append(std::string_view bytes) override {
    disk_.pass();
    return PassingFile::append(bytes);
  }

 private:
  HangingFiles& disk_;
};

pe::Result<std::unique_ptr<pe::File>> HangingFiles::open(const std::string& path,
                                                         pe::OpenFor purpose) {
  auto file = files_->open(path, purpose);
  if (!file) return std::move(file).error();
  return std::unique_ptr<pe::File>{std::make_unique<HangingFile>(*this, *std::move(file))};
}

/// A recorder's spool, its memory and its loop. The test is the disk thread.
struct Process {
  Process(std::shared_ptr<pe::FileSystem> files, std::shared_ptr<pe::Platform> clock,
          const pe::SpoolOptions& options)
      : platform(std::move(clock)) {
    spool = std::make_unique<spool::Spool>(
        std::move(files), options, spool::Scope{"region", "endpoint", options.account, "tracker"},
        std::size_t{1} << 20U, platform);
    spool->connect(memory, [this] { ++woken; });
  }

  PendingEvent event(const std::string& id, const std::string& session, std::size_t padding) {
    PendingEvent one = test::pending(session, "", id, platform->steady_now()).front();
    one.text.insert(one.text.size() - 1, std::string(padding, ' '));
    return one;
  }
  /// Accepts an event into memory, and returns its place.
  std::uint64_t accept(const std::string& id, const std::string& session = "visit",
                       std::size_t padding = 0) {
    return memory->add(event(id, session, padding));
  }
  pe::Result<void> write(std::uint64_t place, milliseconds patience = milliseconds{0}) {
    return spool->write_up_to(*memory, place, patience);
  }
  /// Accepts an event into memory and writes it.
  std::uint64_t record(const std::string& id, const std::string& session = "visit",
                       std::size_t padding = 0) {
    const std::uint64_t place = accept(id, session, padding);
    REQUIRE(write(place).has_value());
    return place;
  }
  pe::Result<void> try_disk_only(const std::string& id, const std::string& session = "visit",
                                 std::size_t padding = 0) {
    const PendingEvent one = event(id, session, padding);
    const auto reserve = [this] { return pe::Result<std::uint64_t>{++memory->last}; };
    auto written = spool->append_disk_only(*memory, one, reserve, milliseconds{0});
    if (written) spool->note_unread();
    return written;
  }
  void disk_only(const std::string& id, const std::string& session = "visit",
                 std::size_t padding = 0) {
    REQUIRE(try_disk_only(id, session, padding).has_value());
  }
  /// Posts orders, does what is due, and takes the news.
  void turn(std::size_t most_events = 100, std::size_t most_bytes = 1U << 20U) {
    orders.most_events = most_events;
    orders.most_bytes = most_bytes;
    spool->post(std::exchange(orders, {}));
    next = spool->work();
    spool::SpoolNews now = spool->take_news();
    for (auto& one : now.read) read.push_back(std::move(one));
    for (auto& one : now.dropped) dropped.push_back(std::move(one));
    lost += now.lost;
    now.read.clear();
    now.dropped.clear();
    if (now.scanned) has_scanned = true;
    news = std::move(now);
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }
  void complete(std::uint32_t log, std::uint64_t place) {
    if (log == kOwnLog) memory->events.erase(place);
    orders.completed[log].push_back(place);
  }
  void complete(const std::vector<spool::ReadEvent>& events) {
    for (const spool::ReadEvent& one : events) {
      complete(one.event.front().log, one.event.front().place);
    }
  }
  static std::string ids_of(const std::vector<spool::ReadEvent>& events) {
    std::string ids;
    for (const spool::ReadEvent& one : events) {
      ids.append(ids.empty() ? "" : " ").append(test::ids_of(one.event));
    }
    return ids;
  }
  /// The ids that were read, "a b".
  [[nodiscard]] std::string ids() const { return ids_of(read); }
  [[nodiscard]] std::string fault() const {
    if (!news.disk_fault) return "none";
    return news.disk_fault->code.empty() ? "unnamed" : news.disk_fault->code;
  }
  [[nodiscard]] std::string damage() const { return news.damage ? news.damage->code : "none"; }

  std::shared_ptr<pe::Platform> platform;
  std::shared_ptr<Memory> memory = std::make_shared<Memory>();
  int woken{0};
  std::unique_ptr<spool::Spool> spool{};
  spool::SpoolOrders orders{};
  spool::SpoolNews news{};
  std::vector<spool::ReadEvent> read{};
  std::vector<spool::ReadEvent> dropped{};
  std::uint64_t lost{0};
  bool has_scanned{false};
  SteadyTime next{};
};

struct World {
  explicit World(pe::SpoolOptions spool_options_ = spool_options())
      : options(std::move(spool_options_)) {
    begin();
  }
  /// Another process, in place of this one, which is killed.
  Process& begin() {
    process = nullptr;
    process = std::make_unique<Process>(files, platform, options);
    return *process;
  }
  Process& operator*() { return *process; }
  Process* operator->() { return process.get(); }
  void advance(milliseconds time) { platform->advance(time); }
  /// Folders of writers that there are.
  std::vector<std::string> folders() {
    std::vector<std::string> found;
    const auto names = files->list_folder("/spool");
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
      if (spool::is_writer_name(name)) found.push_back("/spool/" + name);
    }
    return found;
  }
  std::string folder() {
    const auto found = folders();
    REQUIRE(found.size() == 1);
    return found.front();
  }
  /// The ids that the next process reads after this one was killed, "a b".
  std::string left() {
    begin();
    process->turns(5);
    return process->ids();
  }

  pe::SpoolOptions options;
  std::shared_ptr<test::FaultyFiles> files = std::make_shared<test::FaultyFiles>();
  std::shared_ptr<pe::testing::VirtualPlatform> platform =
      std::make_shared<pe::testing::VirtualPlatform>();
  std::unique_ptr<Process> process{};
};

constexpr std::size_t kLarge = 60'000;

constexpr seconds kPatience{60};

/// One event that is pending, and what the disk thread asks of it. While it is held, the disk
/// thread waits in it as it would in a disk that does not respond.
class OneEvent final : public spool::PendingSource {
 public:
  explicit OneEvent(SteadyTime recorded_at)
      : event_(test::pending("visit", "", "a", recorded_at).front()) {
    event_.place = 1;
  }
  std::uint64_t visit_unwritten(std::uint64_t written, const Visit& visit) override {
    std::unique_lock<std::mutex> lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !is_held_; });
    if (written == 0) static_cast<void>(visit(event_));
    return 1;
  }
  void visit(const Visit&) override {}
  void hold(bool is_held) {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_held_ = is_held;
    changed_.notify_all();
  }
  /// Waits until the disk thread asked so often.
  bool wait_until_asked(int times) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return asked_ >= times; });
  }
  [[nodiscard]] int asked() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return asked_;
  }

 private:
  pe::detail::PendingEvent event_;
  std::mutex mutex_{};
  std::condition_variable changed_{};
  bool is_held_{false};
  int asked_{0};
};

struct ThreadWorld {
  explicit ThreadWorld(const std::function<void(pe::SpoolOptions&)>& change = [](auto&) {}) {
    options.directory = folder / "spool";
    options.min_free_bytes = 0;
    options.write_after = hours{1};
    change(options);
    spool = std::make_shared<spool::Spool>(files(), options,
                                           spool::Scope{"region", "endpoint", "", "tracker"},
                                           std::size_t{1} << 20U, platform);
    spool->connect(source, [] {});
  }
  /// Says when the last user has released it.
  std::shared_ptr<pe::detail::SystemFiles> files() const {
    return {new pe::detail::SystemFiles, [done = released](pe::detail::SystemFiles* system) {
              delete system;
              done->set_value();
            }};
  }
  const std::shared_ptr<std::promise<void>> released = std::make_shared<std::promise<void>>();
  const test::TemporaryFolder folder{};
  pe::SpoolOptions options{};
  std::shared_ptr<pe::detail::SystemPlatform> platform =
      std::make_shared<pe::detail::SystemPlatform>();
  std::shared_ptr<OneEvent> source = std::make_shared<OneEvent>(platform->steady_now());
  std::shared_ptr<spool::Spool> spool{};
};

/// The disk thread, as RecorderCore starts and stops it.
class DiskThread {
 public:
  explicit DiskThread(std::shared_ptr<spool::Spool> spool) : spool_(std::move(spool)) {}
  DiskThread(const DiskThread&) = delete;
  DiskThread& operator=(const DiskThread&) = delete;
  ~DiskThread() { stop(kPatience); }

  pe::Result<void> start() {
    auto thread = pe::detail::Thread::start("pe-spool", [spool = spool_] { spool->run(); });
    if (!thread) return std::move(thread).error();
    thread_.emplace(*std::move(thread));
    return {};
  }
  void stop(milliseconds timeout) {
    if (!thread_) return;
    if (!spool_->stop(timeout)) thread_->detach();
    thread_.reset();
    spool_ = nullptr;
  }

 private:
  std::shared_ptr<spool::Spool> spool_;
  std::optional<pe::detail::Thread> thread_{};
};

}  // namespace

TEST_CASE("a spool makes nothing before its first event, and leaves nothing without one") {
  World world;
  CHECK(world->spool->is_scanned());
  world->turns(3);
  CHECK_FALSE(world.files->list_folder("/spool").has_value());
  CHECK(world->news.is_drained);
  CHECK(world->news.is_backlog_read);
  CHECK(world->record("a") == 1);
  CHECK(world->spool->is_written(1));
  CHECK_FALSE(world->spool->is_written(2));
  CHECK(world.folders().size() == 1);
  world->complete(kOwnLog, 1);
  world->complete(7, 1);
  world->turn();
  world->spool->close();
  CHECK(world.folders().empty());
  CHECK(world.files->count("/spool") == 0);
}

TEST_CASE("what a killed process left is read by the next one, except what had completed") {
  World world;
  world->record("a");
  world->record("b");
  world->disk_only("c", "other");
  world->complete(kOwnLog, 1);
  world->turn();
  world.advance(seconds{90});
  world.begin();
  CHECK_FALSE(world->spool->is_scanned());
  world->turns(2);
  CHECK(world->has_scanned);
  CHECK(world->ids() == "b c");
  for (const spool::ReadEvent& one : world->read) {
    CHECK(one.event.front().log != kOwnLog);
    CHECK(one.event.front().recorded_at == world.platform->steady_now() - seconds{90});
    CHECK_FALSE(one.is_expired);
    CHECK_FALSE(one.is_invalid);
  }
  CHECK_FALSE(world->news.is_drained);
  world->complete(world->read);
  world->turns(2);
  CHECK(world->news.is_drained);
  CHECK(world.folders().empty());
}

TEST_CASE("a process that was closed leaves its pending events to the next one") {
  World world;
  world->record("a");
  world->disk_only("b");
  world->spool->close();
  world->spool->close();
  CHECK(world.folders().size() == 1);
  CHECK(world.left() == "a b");
  // Which may leave them as well.
  world->spool->close();
  CHECK(world.left() == "a b");
}

TEST_CASE("a living spool adopts neither its own folder nor those of other living ones") {
  World world;
  world->record("a");
  world->disk_only("b", "other");
  Process second{world.files, world.platform, world.options};
  second.record("c");
  world->turns(3);
  second.turns(3);
  CHECK(world->ids() == "b");
  CHECK(second.ids().empty());
}

TEST_CASE("the account label of the options is part of the scope") {
  World world;
  world->record("a");
  auto others = world.options;
  others.account = "other";
  world.process = nullptr;
  Process other{world.files, world.platform, others};
  other.turns(3);
  CHECK(other.ids().empty());
  CHECK(other.news.is_drained);
  CHECK(world.left() == "a");
}

TEST_CASE("the directory is looked at again after about a minute, and not before") {
  World world;
  world->turn();
  {
    Process killed{world.files, world.platform, world.options};
    killed.record("a");
  }
  world.advance(seconds{44});
  world->turns(2);
  CHECK(world->ids().empty());
  CHECK(world->next <= world.platform->steady_now() + seconds{31});
  world.advance(seconds{31});
  world->turns(2);
  CHECK(world->ids() == "a");
}

TEST_CASE("an event that waited longer than it may is read as expired") {
  auto options = spool_options();
  options.max_age = hours{2};
  World world{options};
  world->disk_only("a");
  world.advance(hours{2});
  world->disk_only("b");
  world.advance(milliseconds{1});
  world->turns(2);
  REQUIRE(world->read.size() == 2);
  CHECK(world->read[0].is_expired);
  CHECK_FALSE(world->read[1].is_expired);
}

TEST_CASE("a wall clock that was set makes no event older or younger") {
  World world;
  world->record("a");
  world.platform->set_now(world.platform->now() - hours{24 * 365});
  world.advance(hours{1});
  world.begin();
  world->turns(2);
  REQUIRE(world->read.size() == 1);
  CHECK_FALSE(world->read[0].is_expired);
  CHECK(world->read[0].event.front().recorded_at == world.platform->steady_now() - hours{1});
}

TEST_CASE("over a restart of the machine the service's time says how old an event is") {
  for (const bool knows_service : {true, false}) {
    CAPTURE(knows_service);
    auto options = spool_options();
    options.max_age = hours{2};
    World world{options};
    world->record("a");
    // The service's clock and the wall clock are the same here.
    const auto note_service = [&] {
      if (!knows_service) return;
      const spool::Moment now = spool::moment_of(*world.platform);
      world->orders.service_offset = now.wall_ms - now.boot_ms;
    };
    note_service();
    world->turn();
    world.process = nullptr;
    world.advance(hours{3});
    world.platform->reboot();
    world.begin();
    note_service();
    world->turns(2);
    REQUIRE(world->read.size() == 1);
    CHECK(world->read[0].is_expired == knows_service);
    CHECK(world->read[0].event.front().age_is_known == knows_service);
  }
}

// --- Events that are on the disk only ---

TEST_CASE("events on the disk only are read in order, and while the log grows") {
  World world;
  CHECK_FALSE(world->spool->may_read());
  world->disk_only("a");
  world->disk_only("b");
  CHECK(world->spool->unread() == 2);
  CHECK(world->spool->may_read());
  world->turn(1);
  CHECK_FALSE(world->news.is_drained);
  CHECK(world->ids() == "a");
  world->disk_only("c");
  world->turn(1);
  CHECK(world->ids() == "a b");
  world->turns(3);
  CHECK(world->ids() == "a b c");
  CHECK_FALSE(world->spool->may_read());
  CHECK(world->news.is_drained);
  CHECK(world->read.back().event.front().log == kOwnLog);
  CHECK(world->read.back().event.front().place == 3);
  CHECK(world->lost == 0);
}

TEST_CASE(
    "what is read is limited by number and by bytes, and nothing is read before it is taken") {
  World world;
  for (const char* id : {"a", "b", "c", "d"}) world->disk_only(id);
  world->turn(3);
  CHECK(world->ids() == "a b c");
  world->turn(3, 0);
  CHECK(world->ids() == "a b c");
  world->turn(0);
  CHECK(world->ids() == "a b c");
  world->turn(3, 1);
  CHECK(world->ids() == "a b c d");
}

TEST_CASE("what a killed process left is read before the own events on the disk") {
  World world;
  world->record("a");
  world.begin();
  world->disk_only("b");
  world->turn(1);
  CHECK(world->ids() == "a");
  world->turns(3);
  CHECK(world->ids() == "a b");
}

TEST_CASE("an event in memory is written before one that is on the disk only and younger") {
  auto options = spool_options();
  options.write_after = seconds{60};
  World world{options};
  world->accept("a");
  world->disk_only("b");
  CHECK(world->spool->is_written(1));
  CHECK(world.left() == "a b");
}

TEST_CASE("an event whose place is refused is not written") {
  World world;
  world->record("a");
  const auto refuse = [] {
    return pe::Result<std::uint64_t>{
        pe::detail::make_error(pe::ErrorKind::Cancelled, "record", "is closed")};
  };
  const auto refused = world->spool->append_disk_only(*world->memory, world->event("b", "visit", 0),
                                                      refuse, milliseconds{0});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Cancelled);
  CHECK(world.left() == "a");
}

TEST_CASE("an event on the disk only that was damaged is lost, and reported") {
  World world;
  for (const char* id : {"a", "b", "c"}) world->disk_only(id);
  std::string& bytes = world.files->bytes(world.folder() + "/00000001.log");
  bytes[bytes.find("\"b\"") + 1] = 'X';
  world->turns(3);
  CHECK(world->ids() == "a c");
  CHECK(world->lost == 1);
  CHECK(world->spool->unread() == 0);
}

TEST_CASE("an event of a killed process that cannot be sent goes to quarantine, once") {
  World world;
  world->record("a");
  const std::string folder = world.folder();
  world.process = nullptr;
  // Another program wrote these, with good checksums.
  std::string& bytes = world.files->bytes(folder + "/00000001.log");
  const auto identity = spool::read_identity(*world.files, folder);
  REQUIRE(identity.has_value());
  const std::uint32_t salt = identity->header.salt;
  spool::Entry no_json = test::entry_of("not JSON");
  spool::Entry no_session = test::entry_of(R"({"eventId":"x"})");
  no_session.session_id = {};
  REQUIRE(spool::append_frame(bytes, salt, 2, no_json));
  REQUIRE(spool::append_frame(bytes, salt, 3, no_session));
  REQUIRE(spool::append_frame(bytes, salt, 4, test::entry_of(R"({"eventId":"z"})")));
  world.begin();
  world->turns(2);
  REQUIRE(world->read.size() == 4);
  CHECK_FALSE(world->read[0].is_invalid);
  CHECK(world->read[1].is_invalid);
  CHECK(world->read[2].is_invalid);
  CHECK_FALSE(world->read[3].is_invalid);
  CHECK(world->damage() == spool::kDamaged);
  const std::string kept = world.files->bytes("/spool/quarantine/invalid-events.frames");
  spool::SegmentScanner scanner{0, 0, 0};
  spool::Frame frame;
  CHECK(scanner.next(kept, true, frame) == spool::ScanStep::Frame);
  CHECK(frame.entry.event == "not JSON");
  CHECK(frame.sequence == 2);
  // Its outcome is reported once: it does not come back.
  world->complete(world->read);
  world->turns(2);
  CHECK(world.left().empty());
  CHECK(world.files->bytes("/spool/quarantine/invalid-events.frames") == kept);
}

// --- The times of writing ---

TEST_CASE("events are written by the disk thread when they waited long enough, in their order") {
  auto options = spool_options();
  options.write_after = seconds{60};
  World world{options};
  world->accept("a");
  world->spool->note_pending();
  world->spool->note_pending();
  world->turn();
  CHECK(world->next > world.platform->steady_now());
  CHECK(world->next <= world.platform->steady_now() + seconds{60});
  world.advance(seconds{10});
  world->accept("b");
  world->turn();
  CHECK(world.folders().empty());
  world.advance(seconds{50});
  world->turn();
  CHECK(world->spool->is_written(1));
  CHECK_FALSE(world->spool->is_written(2));
  world.advance(seconds{10});
  world->turn();
  CHECK(world->spool->is_written(2));
  CHECK(world.left() == "a b");
}

TEST_CASE("an event that completed in time never touches the disk") {
  auto options = spool_options();
  options.write_after = seconds{60};
  World world{options};
  world->complete(kOwnLog, world->accept("a"));
  world.advance(seconds{60});
  world->turn();
  CHECK(world.folders().empty());
  CHECK(world->spool->is_written(1));
}

TEST_CASE("all that is pending is written when somebody asks for it") {
  auto options = spool_options();
  options.write_after = seconds{60};
  World world{options};
  for (int i = 0; i < 300; ++i) world->accept(std::to_string(i), "visit", 1'000);
  world->spool->request_write();
  world->turn();
  CHECK(world->spool->is_written(300));
  world.begin();
  world->turns(10);
  CHECK(world->read.size() == 300);
}

// --- Faults of the disk ---

TEST_CASE("a disk that refuses is a fault, is not tried for a while, and recovers") {
  World world;
  world->record("a");
  world.files->space = 0;
  const std::uint64_t place = world->accept("b");
  const auto refused = world->write(place);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().kind == pe::ErrorKind::Storage);
  CHECK(refused.error().code == "NoSpace");
  CHECK(world->spool->is_refusing());
  world->turn();
  CHECK(world->fault() == "NoSpace");
  world.files->space.reset();
  CHECK_FALSE(world->write(place).has_value());
  world.advance(spool::kDiskPause);
  CHECK_FALSE(world->spool->is_refusing());
  world->turn();
  CHECK(world->fault() == "none");
  CHECK(world->spool->is_written(place));
  CHECK(world.left() == "a b");
}

TEST_CASE("an event on the disk only that the disk refuses is not accepted") {
  World world;
  world->record("a");
  world.files->space = 0;
  CHECK(world->try_disk_only("b").error().code == "NoSpace");
  CHECK(world->spool->unread() == 0);
  world.files->space.reset();
  world.advance(spool::kDiskPause);
  world->disk_only("c");
  CHECK(world.left() == "a c");
}

TEST_CASE("a directory that cannot be made is a fault, and is made when it can be") {
  World world;
  world.files->make_folder_fails = true;
  const std::uint64_t place = world->accept("a");
  CHECK(world->write(place).error().kind == pe::ErrorKind::Storage);
  world->turn();
  CHECK(world->fault() == "unnamed");
  world.files->make_folder_fails = false;
  world.advance(spool::kDiskPause);
  world->turn();
  CHECK(world->fault() == "none");
  CHECK(world.left() == "a");
}

TEST_CASE("a directory that somebody removed is made again, with all that memory has") {
  World world;
  world->complete(kOwnLog, world->record("a"));
  world->record("b");
  world->disk_only("lost");
  world->turn();
  world->read.clear();
  world->disk_only("lost, too");
  world.files->delete_tree("/spool");
  world.advance(seconds{1});
  world->turns(2);
  CHECK(world->lost == 1);
  CHECK(world->spool->unread() == 0);
  CHECK(world.folders().size() == 1);
  CHECK(world->spool->is_written(2));
  world->record("c");
  world->disk_only("d");
  CHECK(world.left() == "b c d");
}

TEST_CASE("a disk that hangs in a write holds nobody longer than their patience") {
  auto disk = std::make_shared<test::FaultyFiles>();
  auto files = std::make_shared<HangingFiles>(disk);
  auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  Process process{files, platform, spool_options()};
  process.record("a");
  const std::uint64_t first = process.accept("b");
  files->hang();
  std::thread recording{[&] { CHECK(process.write(first, seconds{1}).has_value()); }};
  files->wait_until_hanging();

  const std::uint64_t second = process.memory->last;
  const auto stalled = process.write(second, milliseconds{20});
  REQUIRE_FALSE(stalled.has_value());
  CHECK(stalled.error().kind == pe::ErrorKind::Storage);
  CHECK(stalled.error().code == "Stalled");
  CHECK(process.spool->is_refusing());
  // From then on nobody waits at all, the disk thread included.
  const auto begun = std::chrono::steady_clock::now();
  CHECK(process.write(second, hours{1}).error().code == "Stalled");
  CHECK(process.try_disk_only("c").error().code == "Stalled");
  process.turn();
  CHECK(std::chrono::steady_clock::now() - begun < seconds{60});
  CHECK(process.fault() == "Stalled");
  CHECK_FALSE(process.spool->is_written(first));

  files->release();
  recording.join();
  CHECK(process.spool->is_written(first));
  CHECK_FALSE(process.spool->is_refusing());
  process.turn();
  CHECK(process.fault() == "none");
  process.record("d");
  CHECK(process.spool->is_written(process.memory->last));
}

TEST_CASE("after a hang the disk thread writes what nobody could write meanwhile") {
  auto disk = std::make_shared<test::FaultyFiles>();
  auto files = std::make_shared<HangingFiles>(disk);
  auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  Process process{files, platform, spool_options()};
  const std::uint64_t first = process.accept("a");
  files->hang();
  std::thread recording{[&] { CHECK(process.write(first, seconds{1}).has_value()); }};
  files->wait_until_hanging();
  // The other thread has collected what it writes.
  const std::uint64_t second = process.accept("b");
  CHECK(process.write(second, milliseconds{1}).error().code == "Stalled");
  files->release();
  recording.join();
  process.turn();
  CHECK(process.spool->is_written(second));
  CHECK(process.fault() == "none");
}

// --- Bringing to the disk ---

TEST_CASE("what was written is synced after the interval, and not before") {
  World world;
  world->record("a");
  world->turn();
  CHECK(world.files->syncs == 0);
  CHECK(world->next <= world.platform->steady_now() + milliseconds{500});
  world.advance(milliseconds{500});
  world->turn();
  CHECK(world.files->syncs == 1);
  world.advance(seconds{10});
  world->turn();
  CHECK(world.files->syncs == 1);
}

TEST_CASE("without an interval the system decides when, unless somebody waits") {
  auto options = spool_options();
  options.sync_interval.reset();
  World world{options};
  world->record("a");
  world.advance(hours{1});
  world->turns(2);
  CHECK(world.files->syncs == 0);
  CHECK(world->spool->wait_durable(1, milliseconds{0}, false).has_value());
  CHECK(world.files->syncs == 1);
}

TEST_CASE("who waits without a disk thread brings it to the disk, whatever the interval") {
  auto options = spool_options();
  options.write_after = hours{1};
  World world{options};
  world->record("a");
  CHECK(world->spool->wait_durable(1, milliseconds{0}, false).has_value());
  CHECK(world.files->syncs == 1);
  CHECK(world->spool->wait_durable(1, milliseconds{0}, false).has_value());
  CHECK(world.files->syncs == 1);
  const std::uint64_t not_written = world->accept("b");
  const auto late = world->spool->wait_durable(not_written, milliseconds{0}, false);
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().kind == pe::ErrorKind::Timeout);
}

TEST_CASE("a wait for a disk thread that does nothing ends in time") {
  World world;
  world->record("a");
  const auto late = world->spool->wait_durable(1, milliseconds{1}, true);
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().kind == pe::ErrorKind::Timeout);
}

TEST_CASE("a failed sync is a fault until what it may have lost is written again and synced") {
  World world;
  world->record("a");
  world->disk_only("b");
  world.files->sync_fails = true;
  CHECK_FALSE(world->spool->wait_durable(2, milliseconds{0}, false).has_value());
  world->turn(0);
  CHECK(world->fault() == "unnamed");
  CHECK_FALSE(world->spool->wait_durable(2, milliseconds{0}, false).has_value());
  CHECK(world.files->syncs == 0);
  world.files->sync_fails = false;
  world.advance(seconds{1});
  world->turn(0);
  CHECK(world->fault() == "none");
  CHECK(world.files->exists(world.folder() + "/00000001.1.log"));
  CHECK_FALSE(world.files->exists(world.folder() + "/00000001.log"));
  CHECK(world->spool->wait_durable(2, milliseconds{0}, false).has_value());
  world->turns(2);
  CHECK(world->ids() == "b");
  CHECK(world->lost == 0);
  CHECK(world.left() == "a b");
}

TEST_CASE("who waits for an event that was lost with its directory is told so") {
  World world;
  world->disk_only("a");
  world.files->delete_tree("/spool");
  world.advance(seconds{1});
  world->turn();
  const auto lost = world->spool->wait_durable(1, milliseconds{0}, false);
  REQUIRE_FALSE(lost.has_value());
  CHECK(lost.error().kind == pe::ErrorKind::Storage);
  CHECK(lost.error().code == "Removed");
  CHECK(world->lost == 1);
}

TEST_CASE("an event in memory whose directory is gone is durable when it was written again") {
  World world;
  const std::uint64_t place = world->record("a");
  world.files->delete_tree("/spool");
  world.files->space = 0;
  for (int i = 0; i < 3; ++i) {
    CHECK_FALSE(world->spool->wait_durable(place, milliseconds{0}, false).has_value());
    world.advance(seconds{1});
    world->turn();
  }
  world.files->space.reset();
  world.advance(seconds{1});
  world->turn();
  CHECK(world->spool->wait_durable(place, milliseconds{0}, false).has_value());
  CHECK(world.left() == "a");
}

TEST_CASE("segments that the spool removes while a sync runs are no fault") {
  World world;
  for (int i = 0; i < 30; ++i) world->record("x" + std::to_string(i), "visit", kLarge);
  for (std::uint64_t place = 1; place <= 30; ++place) world->complete(kOwnLog, place);
  world->turn();
  world.advance(seconds{1});
  world->turns(2);
  CHECK(world->fault() == "none");
  CHECK(world->damage() == "none");
}

// --- Limits ---

TEST_CASE("a spool that is too large gives up its oldest events that are on the disk only") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  int refused = 0;
  for (int i = 0; i < 40; ++i) {
    if (!world->try_disk_only(std::to_string(i), "visit", kLarge)) {
      ++refused;
      --i;
      world.advance(spool::kDiskPause);
    }
    world->turn(0);
    CHECK(spool::spool_bytes(*world.files, "/spool") <= options.max_bytes);
    REQUIRE(refused < 50);
  }
  CHECK_FALSE(world->dropped.empty());
  CHECK(test::ids_of(world->dropped[0].event) == "0");
  CHECK(test::ids_of(world->dropped[1].event) == "1");
  CHECK(world->spool->unread() + world->dropped.size() == 40);
  CHECK(world->lost == 0);
  world->turns(60);
  CHECK(world->read.size() + world->dropped.size() == 40);
}

TEST_CASE("what killed processes left is given up before own events") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  world->disk_only("old", "visit", kLarge);
  world.begin();
  world->turn(0);
  for (int i = 0; i < 16; ++i) {
    static_cast<void>(world->try_disk_only(std::to_string(i), "visit", kLarge));
    world->turn(0);
  }
  REQUIRE_FALSE(world->dropped.empty());
  CHECK(test::ids_of(world->dropped[0].event) == "old");
  CHECK(world->dropped[0].event.front().log != kOwnLog);
}

TEST_CASE("a spool that is full of what memory has refuses, and takes more when some completed") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  std::uint64_t place = 0;
  for (int i = 0; i < 30; ++i) {
    place = world->accept(std::to_string(i), "visit", kLarge);
    if (!world->write(place)) break;
  }
  CHECK_FALSE(world->spool->is_written(place));
  world->turn(0);
  CHECK(world->fault() == "NoSpace");
  CHECK(world->dropped.empty());
  CHECK(spool::spool_bytes(*world.files, "/spool") <= options.max_bytes);
  for (std::uint64_t i = 1; i < place; ++i) world->complete(kOwnLog, i);
  for (int i = 0; i < 3; ++i) {
    world.advance(seconds{1});
    world->turn(0);
  }
  CHECK(world->fault() == "none");
  CHECK(world->spool->is_written(place));
}

TEST_CASE("a disk that is nearly full takes the oldest, and then refuses") {
  auto options = spool_options();
  options.min_free_bytes = 1'000;
  World world{options};
  world->record("live");
  world->disk_only("a");
  world->turn(0);
  CHECK(world->dropped.empty());
  world.files->space = 900;
  world.begin();
  world->turns(1);
  CHECK(world->dropped.size() + world->read.size() == 2);
  world.advance(spool::kDiskPause);
  world->turn(0);
  const std::uint64_t place = world->accept("b");
  const auto refused = world->write(place);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == "NoSpace");
  CHECK(refused.error().where == "/spool");
  world.files->space = 2'000;
  for (int i = 0; i < 3; ++i) {
    world.advance(spool::kDiskPause);
    world->turn(0);
  }
  CHECK(world->fault() == "none");
  CHECK(world->spool->is_written(place));
}

TEST_CASE("five percent of a small disk are enough to be free") {
  auto options = spool_options();
  options.min_free_bytes = 1U << 30U;
  World world{options};
  world.files->space = 60U << 20U;  // of a GiB
  world->disk_only("a");
  world->turns(2);
  CHECK(world->dropped.empty());
  CHECK(world->ids() == "a");
}

TEST_CASE("damaged files have a quarter of the space, and the oldest are removed first") {
  auto options = spool_options();
  options.max_bytes = 1U << 20U;
  World world{options};
  REQUIRE(spool::make_folders(*world.files, "/spool/quarantine").has_value());
  for (const char* name : {"w-1", "w-2", "w-3", "w-4"}) {
    world.files->put(std::string{"/spool/quarantine/"} + name, std::string(100'000, 'x'));
  }
  world->turn(0);
  CHECK_FALSE(world.files->exists("/spool/quarantine/w-1"));
  CHECK_FALSE(world.files->exists("/spool/quarantine/w-2"));
  CHECK(world.files->exists("/spool/quarantine/w-3"));
  CHECK(world.files->exists("/spool/quarantine/w-4"));
  CHECK(world->damage() == spool::kDamaged);
}

// --- The rest ---

TEST_CASE("rejected events are kept in one file of this spool") {
  World world;
  world->orders.rejected.emplace_back("{\"a\":1}");
  world->turn();
  world->orders.rejected.emplace_back("{\"b\":2}");
  world->turn();
  const auto names = world.files->list_folder("/spool/rejected");
  REQUIRE(names.has_value());
  REQUIRE(names->size() == 1);
  CHECK(world.files->bytes("/spool/rejected/" + names->front()) == "{\"a\":1}\n{\"b\":2}\n");
}

TEST_CASE("a child that abandons a spool unlocks its folders for others") {
  World world;
  world->record("a");
  Process other{world.files, world.platform, world.options};
  other.turns(2);
  CHECK(other.ids().empty());
  world->spool->abandon_in_child();
  world->spool->abandon_in_child();
  world.advance(seconds{75});
  other.turns(2);
  CHECK(other.ids() == "a");
}

TEST_CASE("an unreadable own segment is damage, and stops the other events for a minute only") {
  World world;
  for (int i = 0; i < 200; ++i) world->disk_only(std::to_string(i), "visit", kLarge);
  world.files->read_fails = true;
  world.files->fails_at = world.folder() + "/00000001.log";
  const auto turns = [&](int seconds_each) {
    for (int i = 0; i < seconds_each; ++i) {
      world.advance(seconds{1});
      world->turn(1'000, 64U << 20U);
    }
  };
  turns(30);
  CHECK(world->read.empty());
  CHECK(world->news.damage.has_value());
  turns(60);
  CHECK(world->read.size() < 200);
  CHECK_FALSE(world->read.empty());
  CHECK(world->news.damage.has_value());
  // They are read when the disk lets them be read.
  world.files->read_fails = false;
  turns(120);
  CHECK(world->read.size() == 200);
  CHECK(world->lost == 0);
}

TEST_CASE("the loop is woken when there is news, and not for nothing") {
  World world;
  world->turn();
  const int before = world->woken;
  world->turns(5);
  CHECK(world->woken == before);
  world->disk_only("a");
  world->turn();
  CHECK(world->woken > before);
}

TEST_CASE("a spool reports damage until a whole round found none") {
  World world;
  world->record("a");
  world->record("b");
  std::string& bytes = world.files->bytes(world.folder() + "/00000001.log");
  bytes[bytes.find("\"a\"") + 1] = 'X';
  world.begin();
  world->turns(2);
  CHECK(world->ids() == "b");
  CHECK(world->damage() == spool::kDamaged);
  world->complete(world->read);
  world->turns(2);
  CHECK(world->damage() == spool::kDamaged);
  for (int i = 0; i < 2; ++i) {
    world.advance(seconds{76});
    world->turns(2);
  }
  CHECK(world->damage() == "none");
}

// --- The disk thread ---

TEST_CASE("the disk thread brings to the disk what somebody waits for, whatever the interval") {
  for (const bool has_interval : {true, false}) {
    ThreadWorld world{[&](pe::SpoolOptions& options) {
      if (has_interval) {
        options.sync_interval = hours{1};
      } else {
        options.sync_interval.reset();
      }
    }};
    DiskThread thread{world.spool};
    REQUIRE(thread.start().has_value());
    REQUIRE(world.spool->write_up_to(*world.source, 1, milliseconds{1'000}).has_value());
    CHECK(world.spool->wait_durable(1, kPatience, true).has_value());
  }
}

TEST_CASE("the disk thread writes what is asked for, and what is due") {
  ThreadWorld asked;
  DiskThread thread{asked.spool};
  REQUIRE(thread.start().has_value());
  asked.spool->request_write();
  REQUIRE(asked.spool->wait_durable(1, kPatience, true).has_value());
  CHECK(asked.spool->is_written(1));

  ThreadWorld due{[](pe::SpoolOptions& options) { options.write_after = milliseconds{10}; }};
  DiskThread writing{due.spool};
  REQUIRE(writing.start().has_value());
  due.spool->note_pending();
  CHECK(due.spool->wait_durable(1, kPatience, true).has_value());
}

TEST_CASE("what is asked before the start is done after it") {
  ThreadWorld world;
  world.spool->request_write();
  DiskThread thread{world.spool};
  REQUIRE(thread.start().has_value());
  CHECK(world.spool->wait_durable(1, kPatience, true).has_value());
}

TEST_CASE("a thread that is stopped closes the spool, once") {
  ThreadWorld world;
  DiskThread thread{world.spool};
  REQUIRE(thread.start().has_value());
  world.spool->request_write();
  REQUIRE(world.spool->wait_durable(1, kPatience, true).has_value());
  const auto begun = std::chrono::steady_clock::now();
  thread.stop(kPatience);
  thread.stop(kPatience);
  CHECK(std::chrono::steady_clock::now() - begun < kPatience);
  // What is pending is there, and free to be adopted.
  spool::FolderLocks locks;
  pe::detail::SystemFiles files;
  const auto names = files.list_folder(world.options.directory);
  REQUIRE(names.has_value());
  REQUIRE(names->size() == 1);
  CHECK(locks.take(files, world.options.directory + "/" + names->front())->has_value());
}

TEST_CASE("a thread that was never started has nothing to stop") {
  ThreadWorld world;
  DiskThread thread{world.spool};
  thread.stop(milliseconds{0});
  CHECK(world.source->asked() == 0);
}

TEST_CASE("a thread that waits for a disk which does not respond is detached") {
  ThreadWorld world;
  world.source->hold(true);
  std::weak_ptr<spool::Spool> left;
  {
    auto thread = std::make_unique<DiskThread>(world.spool);
    REQUIRE(thread->start().has_value());
    REQUIRE(world.source->wait_until_asked(1));
    const auto begun = std::chrono::steady_clock::now();
    thread->stop(milliseconds{10});
    CHECK(std::chrono::steady_clock::now() - begun < kPatience);
    thread = nullptr;
    left = world.spool;
    world.spool = nullptr;
  }
  // It keeps what it uses until it ends.
  CHECK_FALSE(left.expired());
  world.source->hold(false);
  CHECK(world.released->get_future().wait_for(kPatience) == std::future_status::ready);
  CHECK(left.expired());
}

TEST_CASE("a thread is woken by whoever has work, and does none without it") {
  ThreadWorld world;
  DiskThread thread{world.spool};
  REQUIRE(thread.start().has_value());
  REQUIRE(world.source->wait_until_asked(1));
  for (int i = 2; i < 20; ++i) {
    world.spool->request_write();
    REQUIRE(world.source->wait_until_asked(i));
  }
}
