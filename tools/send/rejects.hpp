// SPDX-License-Identifier: Apache-2.0
//
// Rejects: the rows that were not taken, each a line of JSON with where it stands, why, and itself:
//   {"line":7,"reason":"TIMESTAMP: empty","row":"u,s,item,,Watch"}
#ifndef TOOLS_SEND_REJECTS_HPP
#define TOOLS_SEND_REJECTS_HPP

#include <personalize_events/personalize_events.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <system_error>

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
  /// Begins the file, or goes on with it behind its first `kept` bytes. Errors: Configuration.
  [[nodiscard]] pe::Result<void> open(const std::string& path, std::uint64_t kept = 0) {
    path_ = path;
    std::error_code error;
    const std::uintmax_t there = std::filesystem::file_size(path, error);
    if (!error && there < kept) kept = there;
    // What a run wrote after it last kept its state, before it was killed, comes again.
    if (!error && there > kept && kept > 0) std::filesystem::resize_file(path, kept, error);
    size_ = error ? 0 : kept;
    file_.open(path, std::ios::binary | (size_ > 0 ? std::ios::app : std::ios::trunc));
    return check("cannot be written");
  }

  /// Bytes in it.
  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// Writes a line. Errors: Configuration, when it is not whole.
  [[nodiscard]] pe::Result<void> write(std::size_t line, const std::string& reason,
                                       const std::string& row) {
    if (!file_.is_open()) return {};
    const std::string text = "{\"line\":" + std::to_string(line) +
                             ",\"reason\":" + json_string(reason) + ",\"row\":" + json_string(row) +
                             "}\n";
    file_ << text << std::flush;  // a run that is killed keeps what it told
    size_ += text.size();
    return check("not every line was written");
  }

 private:
  [[nodiscard]] pe::Result<void> check(const char* problem) const {
    if (file_.good()) return {};
    return pe::detail::make_error(pe::ErrorKind::Configuration, path_, problem);
  }

  std::string path_{};
  std::uint64_t size_{0};
  std::ofstream file_{};
};

}  // namespace tools::send

#endif
