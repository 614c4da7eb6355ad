// SPDX-License-Identifier: Apache-2.0
//
// Report: what becomes of the rows, told as it happens on standard error (a bar on a terminal, else
// a line every few seconds), written into the ledger, and counted for the summary.
#ifndef TOOLS_SEND_REPORT_HPP
#define TOOLS_SEND_REPORT_HPP

#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "../messages.hpp"
#include "../terminal.hpp"
#include "ledger.hpp"
#include "progress.hpp"
#include "rows.hpp"

namespace tools::send {

/// How a run ended.
struct Summary {
  std::uint64_t rows{0};
  std::uint64_t sent{0};
  std::uint64_t rejected{0};
  std::uint64_t done_before{0};  ///< by the runs that this one went on from
  std::uint64_t not_sent{0};     ///< because the run was stopped before
  std::uint64_t requests{0};     ///< retries included
  double seconds{0};
  std::uint64_t rejected_in_all{0};  ///< those of the runs before included
};

/// Every member may be called from any thread.
class Report {
 public:
  /// `file` is how messages name the input.
  Report(bool is_terminal, std::string file) : is_terminal_(is_terminal), file_(std::move(file)) {}

  /// The first pass over a file of so many bytes.
  void begin_reading(std::uint64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    begin({"reading", 0, bytes, seconds()});
  }
  /// What was read since the last time.
  void read(std::uint64_t rows, std::uint64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    summary_.rows += rows;
    advance(rows, bytes);
  }

  /// The pass that sends. Of a stream the number of rows and bytes is not known: 0.
  void begin_sending(Ledger ledger, std::uint64_t rows, std::uint64_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ledger_ = std::move(ledger);
    begin({"sending", rows, bytes, seconds()});
  }
  /// A row more of a stream.
  void found() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++summary_.rows;
  }
  /// A row that a run before has done.
  void skipped(const Origin& row) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++summary_.done_before;
    phase_.skip(1, row.bytes);
    show_progress();
  }
  void sent(const std::vector<Origin>& rows) {
    const std::lock_guard<std::mutex> lock(mutex_);
    summary_.sent += rows.size();
    ledger_.sent(rows);
    std::uint64_t bytes = 0;
    for (const Origin& row : rows) bytes += row.bytes;
    advance(rows.size(), bytes);
  }
  void rejected(const Origin& row, const std::string& reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++summary_.rejected;
    ledger_.rejected(row, reason);
    clear_bar();
    print_message("send", file_ + ":" + std::to_string(row.line), Severity::Error, reason);
    advance(1, row.bytes);
  }
  /// What is no row's matter: a fault that began, or is over.
  void note(const std::string& sentence) { message({}, Severity::Note, sentence); }
  /// What is probably wrong in a row that is sent.
  void warn(const Origin& row, const std::string& sentence) {
    message(file_ + ":" + std::to_string(row.line), Severity::Warning, sentence);
  }
  void request() {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++summary_.requests;
  }

  /// What could not be written down; nothing while all could.
  [[nodiscard]] std::optional<pe::Error> failure() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return ledger_.failure();
  }

  [[nodiscard]] Summary finish() {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_bar();
    ledger_.finish();
    summary_.not_sent = summary_.rows - summary_.sent - summary_.rejected - summary_.done_before;
    summary_.seconds = seconds();
    summary_.rejected_in_all = ledger_.state().rejected;
    return summary_;
  }

 private:
  void message(const std::string& place, Severity severity, const std::string& sentence) {
    const std::lock_guard<std::mutex> lock(mutex_);
    clear_bar();
    print_message("send", place, severity, sentence);
  }

  using Clock = std::chrono::steady_clock;

  /// Since the run began.
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(Clock::now() - began_).count();
  }

  void begin(Phase phase) {
    phase_ = std::move(phase);
    shown_ = seconds();
    if (is_terminal_) show();
  }
  void advance(std::uint64_t rows, std::uint64_t bytes) {
    const bool is_first = !phase_.has_rows();
    phase_.add(rows, bytes);
    if (!is_first) return show_progress();
    shown_ = seconds();
    phase_.start(shown_);
  }

  void show_progress() {
    const double pause = is_terminal_ ? 0.1 : 3.0;
    if (seconds() - shown_ >= pause) show();
  }

  void show() {
    shown_ = seconds();
    phase_.look(shown_);
    if (!is_terminal_) {
      std::fprintf(stderr, "%s\n", phase_.text().c_str());
      return;
    }
    // A line as wide as the terminal would wrap.
    const std::size_t width = terminal_width(STDERR_FILENO);
    std::fprintf(stderr, "\r%s\033[K", phase_.line(width - 1).c_str());
    std::fflush(stderr);
    has_bar_ = true;
  }

  void clear_bar() {
    if (has_bar_) std::fputs("\r\033[K", stderr);
    has_bar_ = false;
  }

  const bool is_terminal_;
  const std::string file_;
  const Clock::time_point began_{Clock::now()};
  std::mutex mutex_{};
  Ledger ledger_{};
  Summary summary_{};
  Phase phase_{"", 0, 0, 0};
  double shown_{0};
  bool has_bar_{false};
};

}  // namespace tools::send

#endif
