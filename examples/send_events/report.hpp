// SPDX-License-Identifier: Apache-2.0
//
// Report: what became of the rows, told as it happens on standard error (a bar on a terminal, else
// a line now and then) and counted for the summary.
#ifndef SEND_EVENTS_REPORT_HPP
#define SEND_EVENTS_REPORT_HPP

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <mutex>
#include <string>

#include "rejects.hpp"

namespace send_events {

/// A time as people say it: "8s", "1m15s", "2h5m".
[[nodiscard]] inline std::string to_text(std::chrono::seconds time) {
  const long long seconds = time.count();
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) {
    return std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s";
  }
  return std::to_string(seconds / 3600) + "h" + std::to_string(seconds / 60 % 60) + "m";
}

/// "1200 of 4792 rows (25 %), 400 rows/s, 8s left"
[[nodiscard]] inline std::string progress_text(std::size_t done, std::size_t total,
                                               double seconds) {
  std::string text = std::to_string(done) + " of " + std::to_string(total) + " rows (" +
                     std::to_string(total == 0 ? 100 : done * 100 / total) + " %)";
  if (done == 0 || seconds <= 0) return text;
  const double rate = static_cast<double>(done) / seconds;
  const double left = static_cast<double>(total - std::min(done, total)) / rate;
  text.append(", ").append(std::to_string(static_cast<long long>(rate))).append(" rows/s, ");
  text.append(to_text(std::chrono::seconds{static_cast<long long>(left + 0.5)}));
  return text.append(" left");
}

/// "[#####               ]"
[[nodiscard]] inline std::string progress_bar(std::size_t done, std::size_t total) {
  constexpr std::size_t width = 24;
  const std::size_t filled = total == 0 ? width : width * std::min(done, total) / total;
  return "[" + std::string(filled, '#') + std::string(width - filled, ' ') + "]";
}

/// How a run ended.
struct Summary {
  std::size_t sent{0};
  std::size_t rejected{0};
  std::size_t not_sent{0};  ///< because the run was stopped before
  std::size_t requests{0};  ///< retries included
  double seconds{0};
};

/// Every member may be called from any thread.
class Report {
 public:
  Report(std::size_t total, bool is_terminal, const std::string& rejects_path = {})
      : total_(total), is_terminal_(is_terminal), rejects_(rejects_path) {}

  /// Whether the file of rejected rows is whole.
  [[nodiscard]] bool has_good_rejects() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return rejects_.is_good();
  }

  void sent(std::size_t rows) {
    const std::lock_guard<std::mutex> lock(mutex_);
    summary_.sent += rows;
    show_progress();
  }
  void rejected(std::size_t line, const std::string& reason, const std::string& row) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++summary_.rejected;
    rejects_.write(line, reason, row);
    clear_bar();
    std::fprintf(stderr, "line %zu: %s\n", line, reason.c_str());
    show_progress();
  }
  void request() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++summary_.requests;
  }

  [[nodiscard]] Summary finish() {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_bar();
    const std::size_t done = summary_.sent + summary_.rejected;
    summary_.not_sent = total_ - std::min(done, total_);
    summary_.seconds = seconds_since(began_);
    return summary_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static double seconds_since(Clock::time_point time) {
    return std::chrono::duration<double>(Clock::now() - time).count();
  }

  [[nodiscard]] bool is_waiting_for_bar() const { return is_terminal_ && !has_bar_; }

  void show_progress() {
    const double pause = is_terminal_ ? 0.1 : 3.0;
    if (!is_waiting_for_bar() && seconds_since(shown_) < pause) return;
    shown_ = Clock::now();
    const std::size_t done = summary_.sent + summary_.rejected;
    const std::string text = progress_text(done, total_, seconds_since(began_));
    if (!is_terminal_) {
      std::fprintf(stderr, "%s\n", text.c_str());
      return;
    }
    std::fprintf(stderr, "\r%s %s\033[K", progress_bar(done, total_).c_str(), text.c_str());
    std::fflush(stderr);
    has_bar_ = true;
  }

  void clear_bar() {
    if (has_bar_) std::fputs("\r\033[K", stderr);
    has_bar_ = false;
  }

  const std::size_t total_;
  const bool is_terminal_;
  std::mutex mutex_{};
  Rejects rejects_;
  Summary summary_{};
  Clock::time_point began_{Clock::now()};
  Clock::time_point shown_{began_};
  bool has_bar_{false};
};

}  // namespace send_events

#endif
