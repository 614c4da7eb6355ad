// SPDX-License-Identifier: Apache-2.0
//
// Lanes: several threads that send at the same time, while the batches of one session stay in
// order, because a session keeps to one lane.
#ifndef SEND_EVENTS_LANES_HPP
#define SEND_EVENTS_LANES_HPP

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "batches.hpp"

namespace send_events {

class Lanes {
 public:
  /// `send` is called on the lanes' threads, for each batch once. Without any lane it is called at
  /// once by who pushes.
  Lanes(std::size_t count, std::function<void(Batch&&)> send) : send_(std::move(send)) {
    for (std::size_t i = 0; i < count; ++i) lanes_.push_back(std::make_unique<Lane>());
    for (auto& lane : lanes_) lane->thread = std::thread([this, &lane = *lane] { run(lane); });
  }
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;
  ~Lanes() { finish(); }

  /// Hands a batch to its session's lane; waits while that one is full.
  void push(Batch&& batch) {
    if (lanes_.empty()) return send_(std::move(batch));
    const std::size_t key = std::hash<std::string>{}(batch.request.session_id);
    Lane& lane = *lanes_[key % lanes_.size()];
    std::unique_lock<std::mutex> lock(lane.mutex);
    lane.changed.wait(lock, [&lane] { return lane.batches.size() < kMostWaiting; });
    lane.batches.push_back(std::move(batch));
    lane.changed.notify_all();
  }

  /// Waits until all is sent and ends the threads. Nothing is pushed after it.
  void finish() {
    for (auto& lane : lanes_) {
      const std::lock_guard<std::mutex> lock(lane->mutex);
      lane->is_closed = true;
      lane->changed.notify_all();
    }
    for (auto& lane : lanes_) {
      if (lane->thread.joinable()) lane->thread.join();
    }
  }

 private:
  static constexpr std::size_t kMostWaiting = 16;

  struct Lane {
    std::mutex mutex{};
    std::condition_variable changed{};
    std::deque<Batch> batches{};
    bool is_closed{false};
    std::thread thread{};
  };

  void run(Lane& lane) {
    std::unique_lock<std::mutex> lock(lane.mutex);
    while (true) {
      lane.changed.wait(lock, [&lane] { return lane.is_closed || !lane.batches.empty(); });
      if (lane.batches.empty()) return;
      Batch batch = std::move(lane.batches.front());
      lane.batches.pop_front();
      lane.changed.notify_all();
      lock.unlock();
      send_(std::move(batch));
      lock.lock();
    }
  }

  std::function<void(Batch&&)> send_;
  std::vector<std::unique_ptr<Lane>> lanes_{};
};

}  // namespace send_events

#endif
