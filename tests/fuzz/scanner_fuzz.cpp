// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: SegmentScanner over windows that are cut anywhere, against one window of everything.
// The input is a script: the content of the segment (whole frames, torn ones, jumps, garbage,
// flipped bits, frames of other writers) and how it is cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

/// The result of a scan.
struct Found {
  std::vector<std::uint64_t> sequences{};
  /// Where in the file each frame begins, and ends.
  std::vector<std::uint64_t> begins{};
  std::vector<std::uint64_t> ends{};
  std::uint64_t whole_bytes{0};
  std::uint64_t damaged_stretches{0};
  std::uint64_t end{0};
  std::optional<std::uint64_t> torn_at{};

  friend bool operator==(const Found& a, const Found& b) {
    return a.sequences == b.sequences && a.ends == b.ends &&
           a.damaged_stretches == b.damaged_stretches && a.end == b.end && a.torn_at == b.torn_at;
  }
};

constexpr std::uint64_t kFirstSequence = 7;
constexpr std::uint64_t kOffset = 40;

/// Scans through windows; `width()` is the size of the next one.
template <class Width>
Found scan(std::string_view content, const Width& width) {
  spool::SegmentScanner scanner{fuzz::kSalt, kFirstSequence, kOffset};
  Found found;
  std::size_t least = 0;  // after a window in which nothing was found, the next one is wider
  for (;;) {
    const std::string_view rest = content.substr(scanner.position() - kOffset);
    const fuzz::Input window{rest.substr(0, std::max(least, width()))};
    const bool is_last = window.view().size() == rest.size();
    const std::uint64_t before = scanner.position();
    spool::Frame frame;
    const spool::ScanStep step = scanner.next(window.view(), is_last, frame);
    fuzz::expect(scanner.position() >= before);
    fuzz::expect(scanner.position() <= before + window.view().size());
    if (step == spool::ScanStep::End) break;
    fuzz::expect(step == spool::ScanStep::Frame || !is_last);
    least = scanner.position() > before ? 0 : window.view().size() * 2 + 1;
    if (step != spool::ScanStep::Frame) continue;
    fuzz::expect(frame.size <= scanner.position() - before);
    fuzz::expect(scanner.next_sequence() == frame.sequence + 1);
    found.begins.push_back(scanner.position() - frame.size);
    found.sequences.push_back(frame.sequence);
    found.ends.push_back(scanner.position());
    found.whole_bytes += frame.size;
  }
  found.damaged_stretches = scanner.damaged_stretches();
  found.end = scanner.position();
  found.torn_at = scanner.torn_at();
  return found;
}

/// A frame as it was written to the segment.
struct Written {
  std::uint64_t begin{0};
  std::uint64_t end{0};
  std::uint64_t sequence{0};
  std::uint32_t salt{0};
  bool is_flipped{false};
};

struct Segment {
  std::string content{};
  std::vector<Written> frames{};

  void write(std::uint64_t sequence, std::string_view event, std::uint32_t salt = fuzz::kSalt) {
    spool::Entry entry;
    entry.tracking_id = "t";
    entry.session_id = "s";
    entry.event = event;
    const std::uint64_t begin = kOffset + content.size();
    fuzz::expect(spool::append_frame(content, salt, sequence, entry));
    frames.push_back({begin, kOffset + content.size(), sequence, salt});
  }
  /// Writes a frame, but for its end.
  void write_torn(std::uint64_t sequence, std::string_view event, std::size_t size) {
    const std::size_t begin = content.size();
    write(sequence, event);
    frames.pop_back();
    content.resize(std::min(content.size() - 1, begin + size));
  }
  void flip(std::size_t from_end, unsigned bit) {
    if (content.empty()) return;
    const std::size_t at = content.size() - 1 - from_end % content.size();
    content[at] = static_cast<char>(content[at] ^ (1 << bit));
    for (Written& frame : frames) {
      if (frame.begin <= kOffset + at && kOffset + at < frame.end) frame.is_flipped = true;
    }
  }
};

/// What the script writes to the segment.
Segment segment_of(fuzz::Script& script) {
  Segment segment;
  std::uint64_t next = kFirstSequence;
  while (!script.is_over() && segment.content.size() < 65'536) {
    const std::uint8_t what = script.byte();
    const std::uint8_t number = script.byte();
    switch (what % 7) {
      case 0: segment.write(next++, script.bytes(number)); break;
      case 1: segment.content += script.bytes(number); break;
      case 2: segment.write(next += number, script.bytes(4)); break;
      case 3: segment.write_torn(next++, script.bytes(4), number % 50); break;
      case 4: segment.flip(number, what >> 5U); break;
      case 5: segment.write(number, "old"); break;
      default: segment.write(next, "of another writer", fuzz::kSalt + 1 + number); break;
    }
  }
  return segment;
}

/// Whether the scan found a frame that was written whole, or rightly skipped it: another one in its
/// bytes, or one before it with a higher sequence.
bool has_read(const Found& found, const Written& frame) {
  const auto next = static_cast<std::size_t>(
      std::upper_bound(found.ends.begin(), found.ends.end(), frame.begin) - found.ends.begin());
  if (next < found.ends.size() && found.begins[next] < frame.end) return true;
  return (next == 0 ? kFirstSequence : found.sequences[next - 1] + 1) > frame.sequence;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input{data, size};
  const std::size_t half = size / 4;
  fuzz::Script cuts{input.view().substr(0, half)};
  fuzz::Script script{input.view().substr(half)};
  const Segment segment = segment_of(script);
  const std::string& content = segment.content;
  const Found whole = scan(content, [&] { return content.size(); });
  const Found cut = scan(content, [&] { return std::size_t{1} + cuts.byte(); });
  fuzz::expect(cut == whole);
  // Every byte is in a frame, damaged, or torn.
  const std::uint64_t end = kOffset + content.size();
  const std::uint64_t torn = whole.torn_at ? end - *whole.torn_at : 0;
  fuzz::expect(whole.end == end);
  fuzz::expect(whole.whole_bytes + torn <= content.size());
  const bool is_covered = whole.whole_bytes + torn == content.size();
  fuzz::expect(is_covered == (whole.damaged_stretches == 0));
  fuzz::expect(std::is_sorted(whole.sequences.begin(), whole.sequences.end()));
  fuzz::expect(std::adjacent_find(whole.sequences.begin(), whole.sequences.end()) ==
               whole.sequences.end());
  for (const Written& frame : segment.frames) {
    if (frame.is_flipped) continue;
    if (frame.salt == fuzz::kSalt) {
      fuzz::expect(has_read(whole, frame));
    } else {
      fuzz::expect(!std::binary_search(whole.begins.begin(), whole.begins.end(), frame.begin));
    }
  }
  return 0;
}
