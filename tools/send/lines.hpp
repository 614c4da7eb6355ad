// SPDX-License-Identifier: Apache-2.0
//
// LineReader: bytes as lines, in bounded memory and without copying the usual ones. CSV and JSON
// Lines are read with it.
#ifndef TOOLS_SEND_LINES_HPP
#define TOOLS_SEND_LINES_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace tools::send {

namespace pe = personalize_events;

/// Gives up to so many bytes; 0 at the end.
using ReadSome = std::function<pe::Result<std::size_t>(char* out, std::size_t size)>;

/// A line without its line feed.
struct Line {
  std::string_view text{};  ///< valid until the next one is asked for; without a byte order mark
  std::size_t bytes{0};     ///< that it took, the line feed and what was cut off included
  bool is_cut{false};       ///< it was longer than a line may be
};

/// Reads lines one after the other.
class LineReader {
 public:
  /// The longest line; of a longer one only so much is kept.
  static constexpr std::size_t kLongestLine = 1U << 20U;

  explicit LineReader(ReadSome read_some) : read_some_(std::move(read_some)) {}

  /// The next line; false at the end, and after a failure.
  [[nodiscard]] bool next(Line& line) {
    line = Line{};
    std::size_t searched = 0;
    while (true) {
      const std::size_t size = end_ - begin_;
      const void* feed =
          size == searched ? nullptr
                           : std::memchr(buffer_.data() + begin_ + searched, '\n', size - searched);
      if (feed != nullptr) {
        const auto length =
            static_cast<std::size_t>(static_cast<const char*>(feed) - (buffer_.data() + begin_));
        return take(line, length, length + 1);
      }
      searched = size;
      if (size > kLongestLine) {
        if (!line.is_cut) kept_.assign(buffer_, begin_, kLongestLine);
        line.is_cut = true;
        line.bytes += size;
        begin_ = end_;
        searched = 0;
      }
      if (fill()) continue;
      const bool is_end = failure_ || (end_ == begin_ && !line.is_cut);
      return is_end ? false : take(line, end_ - begin_, end_ - begin_);
    }
  }

  /// Why reading ended before the end.
  [[nodiscard]] const std::optional<pe::Error>& failure() const { return failure_; }

 private:
  static constexpr std::size_t kBlock = 1U << 16U;

  bool take(Line& line, std::size_t length, std::size_t bytes) {
    if (!line.is_cut && length > kLongestLine) {
      kept_.assign(buffer_, begin_, kLongestLine);
      line.is_cut = true;
    }
    line.text =
        line.is_cut ? std::string_view(kept_) : std::string_view(buffer_).substr(begin_, length);
    line.bytes += bytes;
    begin_ += bytes;
    constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
    if (is_first_ && line.text.substr(0, byte_order_mark.size()) == byte_order_mark) {
      line.text.remove_prefix(byte_order_mark.size());
    }
    is_first_ = false;
    return true;
  }

  /// Reads a block more; false when there is none.
  bool fill() {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (buffer_.size() < end_ + kBlock) buffer_.resize(end_ + kBlock);
    const auto got = read_some_(buffer_.data() + end_, buffer_.size() - end_);
    if (!got) failure_ = got.error();
    if (!got || *got == 0) return false;
    end_ += *got;
    return true;
  }

  ReadSome read_some_;
  std::string buffer_{};
  std::size_t begin_{0};  // of what was read and not yet given
  std::size_t end_{0};
  std::string kept_{};  // of a line that was cut
  bool is_first_{true};
  std::optional<pe::Error> failure_{};
};

}  // namespace tools::send

#endif
