// SPDX-License-Identifier: Apache-2.0
//
// EventBits: a set of sequences that lie close together, such as the pending events of a segment.
// Pure.
#ifndef PERSONALIZE_EVENTS_RECORDER_SPOOL_EVENT_BITS_HPP
#define PERSONALIZE_EVENTS_RECORDER_SPOOL_EVENT_BITS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

#include "personalize_events/version.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace spool {

/// One bit for each sequence from the first that was added on.
class EventBits {
 public:
  /// How far a sequence may lie behind the first, so that the memory is limited.
  static constexpr std::uint64_t kMostSpan = 1U << 20U;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] bool fits(std::uint64_t sequence) const noexcept {
    return words_.empty() || sequence - first_ < kMostSpan;
  }

  /// Adds a sequence, not below the first one, which `fits`.
  void add(std::uint64_t sequence) {
    if (words_.empty()) first_ = sequence;
    const std::size_t word = word_of(sequence);
    if (word >= words_.size()) words_.resize(word + 1);
    if (contains(sequence)) return;
    words_[word] |= bit_of(sequence);
    ++count_;
  }
  /// Removes a sequence; false if it was not in the set.
  bool remove(std::uint64_t sequence) noexcept {
    if (!contains(sequence)) return false;
    words_[word_of(sequence)] &= ~bit_of(sequence);
    --count_;
    return true;
  }
  [[nodiscard]] bool contains(std::uint64_t sequence) const noexcept {
    if (words_.empty() || sequence < first_ || word_of(sequence) >= words_.size()) return false;
    return (words_[word_of(sequence)] & bit_of(sequence)) != 0;
  }

  /// Removes all sequences up to `last` and returns them.
  [[nodiscard]] std::vector<std::uint64_t> take_up_to(std::uint64_t last) {
    std::vector<std::uint64_t> taken;
    for (std::size_t word = 0; word < words_.size() && count_ > 0; ++word) {
      for (std::uint64_t i = 0; words_[word] != 0 && i < 64; ++i) {
        const std::uint64_t sequence = first_ + word * 64 + i;
        if (sequence > last) return taken;
        if (remove(sequence)) taken.push_back(sequence);
      }
    }
    return taken;
  }

 private:
  [[nodiscard]] std::size_t word_of(std::uint64_t sequence) const noexcept {
    return static_cast<std::size_t>((sequence - first_) / 64);
  }
  [[nodiscard]] std::uint64_t bit_of(std::uint64_t sequence) const noexcept {
    return std::uint64_t{1} << ((sequence - first_) % 64);
  }

  std::uint64_t first_{0};
  std::uint64_t count_{0};
  std::vector<std::uint64_t> words_{};
};

}  // namespace spool
PERSONALIZE_EVENTS_NAMESPACE_END

#endif
