// SPDX-License-Identifier: Apache-2.0
//
// Progress: how far a run is and how long it still takes, as people read it. Pure: it is told how
// much is done at what time.
#ifndef TOOLS_SEND_PROGRESS_HPP
#define TOOLS_SEND_PROGRESS_HPP

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace tools::send {

/// A time as people say it: "8s", "1m15s", "2h5m".
[[nodiscard]] inline std::string to_text(std::chrono::seconds time) {
  const long long seconds = time.count();
  if (seconds < 60) return std::to_string(seconds) + "s";
  if (seconds < 3600) {
    return std::to_string(seconds / 60) + "m" + std::to_string(seconds % 60) + "s";
  }
  return std::to_string(seconds / 3600) + "h" + std::to_string(seconds / 60 % 60) + "m";
}

/// How fast an amount grows: of the last seconds more than of those before.
class SmoothedRate {
 public:
  /// From an amount at a time on, in seconds.
  SmoothedRate(double at, double amount) : at_(at), amount_(amount) {}

  void update(double now, double amount) {
    const double passed = now - at_;
    if (passed <= 0) return;
    const double latest = (amount - amount_) / passed;
    const double weight = is_first_ ? 1 : 1 - std::exp(-passed / kMemory);
    rate_ += weight * (latest - rate_);
    at_ = now;
    amount_ = amount;
    is_first_ = false;
  }

  /// A second; 0 as long as nothing is known.
  [[nodiscard]] double per_second() const { return rate_; }

 private:
  static constexpr double kMemory = 10;  // seconds

  double at_;
  double amount_;
  double rate_{0};
  bool is_first_{true};
};

/// One of the passes over the input: reading it, or sending it. Its share is one of bytes, because
/// how many rows there are is not known from the start.
class Phase {
 public:
  /// `total_rows` and `total_bytes` are 0 when they are not known.
  Phase(std::string name, std::uint64_t total_rows, std::uint64_t total_bytes, double now)
      : name_(std::move(name)),
        total_rows_(total_rows),
        total_bytes_(total_bytes),
        row_rate_(now, 0),
        byte_rate_(now, 0) {}

  /// Lets the rate begin now: what came before the first row, such as sorting, is none of it.
  void start(double now) {
    row_rate_ = SmoothedRate(now, static_cast<double>(rows_));
    byte_rate_ = SmoothedRate(now, static_cast<double>(bytes_));
  }
  [[nodiscard]] bool has_rows() const { return rows_ > 0; }

  /// Rows that were done before the phase began: they count, but not for its rate.
  void skip(std::uint64_t rows, std::uint64_t bytes) {
    skipped_rows_ += rows;
    skipped_bytes_ += bytes;
  }
  void add(std::uint64_t rows, std::uint64_t bytes) {
    rows_ += rows;
    bytes_ += bytes;
  }
  /// Learns the rate, now and then.
  void look(double now) {
    row_rate_.update(now, static_cast<double>(rows_));
    byte_rate_.update(now, static_cast<double>(bytes_));
  }

  /// What is done, from 0 to 1; 0 when the total is not known.
  [[nodiscard]] double share() const {
    if (total_bytes_ == 0) return 0;
    const double done = static_cast<double>(bytes_ + skipped_bytes_);
    return std::min(done / static_cast<double>(total_bytes_), 1.0);
  }

  /// "sending 1200 of 4800 rows (25 %), 400 rows/s, 9s left"
  [[nodiscard]] std::string text() const {
    std::string text = name_ + " " + std::to_string(rows_ + skipped_rows_);
    if (total_rows_ > 0) text.append(" of ").append(std::to_string(total_rows_));
    text.append(" rows");
    if (total_bytes_ > 0)
      text.append(" (" + std::to_string(static_cast<int>(share() * 100)) + " %)");
    if (row_rate_.per_second() <= 0) return text;
    text.append(", " + std::to_string(std::llround(row_rate_.per_second())) + " rows/s");
    if (total_bytes_ == 0 || byte_rate_.per_second() <= 0) return text;
    const double left = (1 - share()) * static_cast<double>(total_bytes_);
    const auto seconds = static_cast<long long>(std::ceil(left / byte_rate_.per_second()));
    return text.append(", " + to_text(std::chrono::seconds{seconds}) + " left");
  }

  /// The bar and the text in at most `width` characters: the bar goes first, then the text's end.
  [[nodiscard]] std::string line(std::size_t width) const {
    const std::string said = text();
    const std::string shown = bar();
    if (shown.size() + said.size() <= width) return shown + said;
    return said.substr(0, width);
  }

  /// "[#####               ]"; empty when the total is not known.
  [[nodiscard]] std::string bar() const {
    if (total_bytes_ == 0) return {};
    constexpr std::size_t width = 24;
    const auto filled = static_cast<std::size_t>(share() * width);
    return "[" + std::string(filled, '#') + std::string(width - filled, ' ') + "] ";
  }

 private:
  std::string name_;
  std::uint64_t total_rows_;
  std::uint64_t total_bytes_;
  std::uint64_t rows_{0};
  std::uint64_t bytes_{0};
  std::uint64_t skipped_rows_{0};
  std::uint64_t skipped_bytes_{0};
  SmoothedRate row_rate_;
  SmoothedRate byte_rate_;
};

}  // namespace tools::send

#endif
