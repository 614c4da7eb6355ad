// SPDX-License-Identifier: Apache-2.0
//
// Rejects: the rows that were not taken, each a line of JSON with where it stands, why, and itself:
//   {"line":7,"reason":"TIMESTAMP: empty","row":"u,s,item,,Watch"}
#ifndef SEND_EVENTS_REJECTS_HPP
#define SEND_EVENTS_REJECTS_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <fstream>
#include <string>
#include <string_view>

namespace send_events {

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

/// The file of `--rejects`; without a path nothing is written. Not for two threads at once.
class Rejects {
 public:
  explicit Rejects(const std::string& path) {
    if (!path.empty()) file_.open(path, std::ios::binary | std::ios::trunc);
  }

  /// Whether all was written so far.
  [[nodiscard]] bool is_good() const { return file_.good(); }

  void write(std::size_t line, const std::string& reason, const std::string& row) {
    if (!file_.is_open()) return;
    file_ << "{\"line\":" << line << ",\"reason\":" << json_string(reason)
          << ",\"row\":" << json_string(row) << "}\n";
    file_.flush();  // a run that is killed keeps what it told
  }

 private:
  std::ofstream file_{};
};

}  // namespace send_events

#endif
