// SPDX-License-Identifier: Apache-2.0
//
// Rejects: the rows that were not taken, each a line of JSON with where it stands, why, and itself:
//   {"line":7,"reason":"TIMESTAMP: empty","row":"u,s,item,,Watch"}
#ifndef TOOLS_SEND_REJECTS_HPP
#define TOOLS_SEND_REJECTS_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "../private_file.hpp"

namespace tools::send {

namespace pe = personalize_events;

/// `text` as a JSON string. A byte that is not UTF-8 becomes the lone surrogate U+DC00 + byte, as
/// Python's "surrogateescape" has it, so that the row can be had back byte for byte.
[[nodiscard]] inline std::string json_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string json{"\""};
  while (!text.empty()) {
    const std::size_t size = pe::detail::utf8_sequence_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (size == 0 || byte < 0x20U) {
      json.append(size == 0 ? "\\udc" : "\\u00");
      json.push_back(digits[byte >> 4U]);
      json.push_back(digits[byte & 0x0fU]);
      text.remove_prefix(1);
      continue;
    }
    if (byte == '"' || byte == '\\') json.push_back('\\');
    json.append(text.substr(0, size));
    text.remove_prefix(size);
  }
  return json.append("\"");
}

/// The file of `--rejects`; until it is opened nothing is written. Not for two threads at once.
class Rejects {
 public:
  /// Begins the file, or continues it after its first `kept` bytes. Errors: Configuration.
  [[nodiscard]] pe::Result<void> open(const std::string& path, std::uint64_t kept = 0) {
    if (auto opened = file_.open(path); !opened) return opened;
    const auto size = file_.size();
    if (!size) return size.error();
    // Rows that a run wrote after it last saved its state, before it was killed, come again.
    size_ = std::min(*size, kept);
    if (*size > size_) return file_.truncate(size_);
    return {};
  }

  /// Bytes in it.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Writes a line, at once, so that a run that is killed keeps it. Errors: Configuration, when it
  /// is not written completely.
  [[nodiscard]] pe::Result<void> write(std::size_t line, const std::string& reason,
                                       const std::string& row) {
    if (!file_.is_open()) return {};
    const std::string text = "{\"line\":" + std::to_string(line) +
                             ",\"reason\":" + json_string(reason) + ",\"row\":" + json_string(row) +
                             "}\n";
    size_ += text.size();
    return file_.write(text);
  }

 private:
  std::uint64_t size_{0};
  PrivateFile file_{};
};

}  // namespace tools::send

#endif
