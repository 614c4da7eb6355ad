// SPDX-License-Identifier: Apache-2.0
//
// Ids for files that have none: an event's from the content of its row and how often that came
// before, a session's from its user and its beginning. Both are the same whenever the same file is
// sent, so that sending it twice trains once.
#ifndef TOOLS_SEND_IDENTITY_HPP
#define TOOLS_SEND_IDENTITY_HPP

#include <personalize_events/personalize_events.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tools::send {

namespace pe = personalize_events;

/// A moment as rows have it.
using Time = std::chrono::system_clock::time_point;

/// 128 bits of the SHA-256 of texts: two that are equal have the same texts.
struct Fingerprint {
  std::uint64_t high{0};
  std::uint64_t low{0};

  [[nodiscard]] bool operator==(const Fingerprint& other) const {
    return high == other.high && low == other.low;
  }
  [[nodiscard]] bool operator<(const Fingerprint& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
  /// For unordered containers.
  struct Hash {
    std::size_t operator()(const Fingerprint& print) const noexcept {
      return static_cast<std::size_t>(print.low);
    }
  };
};

/// What texts are known by, from their SHA-256. Each stands with its length before it, so that no
/// two lists of texts run into one. One thread at a time. Errors: Signing, when libcrypto fails.
class Names {
 public:
  /// The event id of a row that is the `occurrence`-th with this content.
  [[nodiscard]] pe::Result<std::string> event_id(const std::vector<std::string>& content,
                                                 std::uint64_t occurrence) {
    begin(content);
    add(std::to_string(occurrence));
    return uuid();
  }

  /// The session id of a user's events from `beginning` on.
  [[nodiscard]] pe::Result<std::string> session_id(const std::string& user_id, Time beginning) {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(beginning.time_since_epoch());
    begin(std::initializer_list<std::string>{user_id, std::to_string(seconds.count())});
    return uuid();
  }

  /// The SHA-256 of bytes, in hexadecimal.
  [[nodiscard]] pe::Result<std::string> digest(std::string_view bytes) {
    const auto digest = sha256_.digest(bytes);
    if (!digest) return digest.error();
    return pe::detail::crypto::to_hex(*digest);
  }

  [[nodiscard]] pe::Result<Fingerprint> fingerprint(const std::vector<std::string>& texts) {
    begin(texts);
    return fingerprint();
  }
  [[nodiscard]] pe::Result<Fingerprint> fingerprint(const std::string& text) {
    content_.clear();
    add(text);
    return fingerprint();
  }

 private:
  template <class Texts>
  void begin(const Texts& texts) {
    content_.clear();
    for (const std::string& text : texts) add(text);
  }
  void add(std::string_view text) {
    content_.append(std::to_string(text.size())).append(":").append(text);
  }

  pe::Result<Fingerprint> fingerprint() {
    const auto digest = sha256_.digest(content_);
    if (!digest) return digest.error();
    Fingerprint print;
    std::memcpy(&print.high, digest->data(), sizeof print.high);
    std::memcpy(&print.low, digest->data() + sizeof print.high, sizeof print.low);
    return print;
  }

  /// A UUID of version 8 (RFC 9562: of the application's own making).
  pe::Result<std::string> uuid() {
    const auto digest = sha256_.digest(content_);
    if (!digest) return digest.error();
    pe::detail::UuidBytes bytes{};
    std::copy_n(digest->begin(), bytes.size(), bytes.begin());
    const auto text = pe::detail::format_uuid(bytes, 8);
    return std::string(text.begin(), text.end());
  }

  pe::detail::crypto::Sha256 sha256_{};
  std::string content_{};
};

}  // namespace tools::send

#endif
