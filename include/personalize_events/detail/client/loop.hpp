// SPDX-License-Identifier: Apache-2.0
//
// Loop: one thread on which everything that has many requests in flight runs: the calls of
// AsyncClients, and recorders. It lets its members do what is due and drives the transport between.
#ifndef PERSONALIZE_EVENTS_DETAIL_CLIENT_LOOP_HPP
#define PERSONALIZE_EVENTS_DETAIL_CLIENT_LOOP_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "personalize_events/detail/http/deadline.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/platform/thread.hpp"
#include "personalize_events/detail/platform/thread_id.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// No turn of the loop waits longer, so that a wake-up that a transport lost delays nothing for
/// long.
inline constexpr std::chrono::milliseconds kLongestTurn{1000};

/// What a Loop runs. All its members are called by the loop's thread, no lock held.
class LoopMember {
 public:
  virtual ~LoopMember() = default;

  /// Does what is due and answers when it wants to run again at the latest. It is called earlier
  /// too, after each wake and each request that ended.
  virtual std::chrono::steady_clock::time_point step(std::chrono::steady_clock::time_point now) = 0;

  /// The loop ends: gives up what is in flight. The transport is polled once more after this, and
  /// `step` is called for the last time.
  virtual void stop() {}
};

/// Runs its members and an AsyncTransport in turn, on a thread of its own (`start`) or on those of
/// an application (`run_once`), never both. Whoever makes one stops it before letting it go.
///
/// A forked child has no part in it: there every member does nothing.
///
/// @par Thread Safety
/// Every member may be called from any thread at the same time, those excepted that say otherwise.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<AsyncTransport> transport, std::shared_ptr<Platform> platform)
      : transport_(std::move(transport)), platform_(std::move(platform)) {
    static_cast<void>(state_.own([] { return std::make_unique<State>(); }));
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop() = default;

  /// Adds a member, which is stepped soon. Not after `stop`: its `stop` is never called then.
  void add(std::shared_ptr<LoopMember> member) {
    State* state = state_.find();
    if (state == nullptr) return;
    {
      const std::lock_guard<std::mutex> lock(state->mutex);
      if (state->has_ended) return;
      state->members.push_back(std::move(member));
    }
    transport_->wake();
  }

  /// Takes a member away. A turn that has begun may still step it, and holds it until then.
  void remove(const LoopMember* member) {
    State* state = state_.find();
    if (state == nullptr) return;
    std::shared_ptr<LoopMember> removed;  // destroyed after the lock
    const std::lock_guard<std::mutex> lock(state->mutex);
    const auto found =
        std::find_if(state->members.begin(), state->members.end(),
                     [member](const auto& candidate) { return candidate.get() == member; });
    if (found == state->members.end()) return;
    removed = std::move(*found);
    state->members.erase(found);
  }

  /// Lets the members be stepped now, or right after the turn that is on its way.
  void wake() {
    if (state_.find() != nullptr) transport_->wake();
  }

  /// Starts the loop's own thread, the first time it is asked to. Errors: Configuration, when the
  /// system gives no thread.
  [[nodiscard]] Result<void> start() {
    State* state = state_.find();
    if (state == nullptr || state->has_thread) return {};
    const std::lock_guard<std::mutex> lock(state->mutex);
    if (state->has_thread || state->is_stopping) return {};
    // The thread keeps the loop, so that it outlives what a callback destroys.
    Result<Thread> thread = Thread::start(
        "pe-loop", [self = shared_from_this()] { self->run(); }, kCallbackStack);
    if (!thread) return std::move(thread).error();
    state->thread.emplace(*std::move(thread));
    state->has_thread = true;
    return {};
  }

  /// One turn on the calling thread: steps the members, then carries requests on until a member
  /// wants to run again, a request ends, or `wake`, no longer than `at_most` and kLongestTurn.
  /// Answers whether anything was done. Nothing is while another turn is on its way, on this thread
  /// or another.
  bool run_once(std::chrono::milliseconds at_most) {
    State* state = state_.find();
    if (state == nullptr || state->has_thread) return false;
    const auto self = shared_from_this();  // a callback may let go of the loop
    const Turn turn{*state};
    if (!turn.is_taken()) return false;
    if (!state->is_stopping) take_turn(*state, at_most);
    if (state->is_stopping) end(*state);
    return std::exchange(state->did_work, false);
  }

  /// Notes that this turn did something. The loop's thread only.
  void note_work() {
    if (State* state = state_.find()) state->did_work = true;
  }

  /// Whether the caller is called by this loop.
  [[nodiscard]] bool is_loop_thread() const {
    const State* state = state_.find();
    return state != nullptr && state->runner == current_thread_id();
  }

  /// Ends the loop: what is in flight is given up, each member told, and the thread joined. Called
  /// by a member or a callback, it does so once that has returned.
  void stop() {
    State* state = state_.find();
    if (state == nullptr) return;
    std::optional<Thread> thread;
    {
      const std::lock_guard<std::mutex> lock(state->mutex);
      state->is_stopping = true;
      if (state->thread) thread.emplace(*std::exchange(state->thread, std::nullopt));
    }
    transport_->wake();
    if (is_loop_thread()) {
      if (thread) thread->detach();
      return;
    }
    if (thread) return thread->join();
    const Turn turn{*state};
    if (turn.is_taken()) end(*state);
  }

 private:
  struct State {
    std::mutex mutex{};
    std::vector<std::shared_ptr<LoopMember>> members{};
    std::optional<Thread> thread{};
    bool has_ended{false};
    std::atomic<bool> has_thread{false};
    std::atomic<bool> is_stopping{false};
    std::atomic<ThreadId> runner{};
    // Of the thread whose turn it is:
    std::vector<std::shared_ptr<LoopMember>> stepping{};
    bool did_work{false};
  };

  /// Makes the calling thread the loop's for its lifetime, if there is none.
  class Turn {
   public:
    explicit Turn(State& state) : state_(state) {
      ThreadId nobody{};
      is_taken_ = state.runner.compare_exchange_strong(nobody, current_thread_id());
    }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (is_taken_) state_.runner = ThreadId{};
    }
    [[nodiscard]] bool is_taken() const { return is_taken_; }

   private:
    State& state_;
    bool is_taken_{false};
  };

  void run() {
    State* state = state_.find();
    if (state == nullptr) return;
    const Turn turn{*state};
    if (!turn.is_taken()) return;
    while (!state->is_stopping) take_turn(*state, kLongestTurn);
    end(*state);
  }

  void take_turn(State& state, std::chrono::milliseconds at_most) {
    const auto wish = step_members(state);
    const auto left = time_left(wish, platform_->steady_now());
    transport_->poll((std::min)({left, at_most, kLongestTurn}));
  }

  std::chrono::steady_clock::time_point step_members(State& state) {
    {
      const std::lock_guard<std::mutex> lock(state.mutex);
      state.stepping = state.members;
    }
    const auto now = platform_->steady_now();
    auto wish = (std::chrono::steady_clock::time_point::max)();
    for (const auto& member : state.stepping) wish = (std::min)(wish, member->step(now));
    state.stepping.clear();
    return wish;
  }

  void end(State& state) {
    {
      const std::lock_guard<std::mutex> lock(state.mutex);
      if (std::exchange(state.has_ended, true)) return;
      state.stepping = state.members;
    }
    for (const auto& member : state.stepping) member->stop();
    state.stepping.clear();
    transport_->poll(std::chrono::milliseconds{0});
    step_members(state);
    std::vector<std::shared_ptr<LoopMember>> ended;  // destroyed after the lock
    const std::lock_guard<std::mutex> lock(state.mutex);
    ended.swap(state.members);
  }

  const std::shared_ptr<AsyncTransport> transport_;
  const std::shared_ptr<Platform> platform_;
  PerProcess<State> state_{};
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
