// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: SegmentScanner over windows that are cut anywhere, against one window of everything.
// The input is a script: what stands in the segment (whole frames, torn ones, jumps, garbage, bits
// that flipped) and how it is cut.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "personalize_events/recorder/spool/segment.hpp"

namespace spool = personalize_events::spool;

namespace {

/// What a scan found.
struct Found {
  std::vector<std::uint64_t> sequences{};
  std::vector<std::uint64_t> ends{};
  std::uint64_t whole_bytes{0};
  std::uint64_t broken_frames{0};
  std::uint64_t broken_bytes{0};
  std::uint64_t end{0};
  std::optional<std::uint64_t> torn_at{};

  friend bool operator==(const Found& a, const Found& b) {
    return a.sequences == b.sequences && a.ends == b.ends && a.broken_frames == b.broken_frames &&
           a.broken_bytes == b.broken_bytes && a.end == b.end && a.torn_at == b.torn_at;
  }
};

constexpr std::uint64_t kFirstSequence = 7;
constexpr std::uint64_t kOffset = 40;

/// Scans through windows; `width(count)` says how wide the next one may be.
template <class Width>
Found scan(std::string_view content, const Width& width) {
  spool::SegmentScanner scanner{kFirstSequence, kOffset};
  Found found;
  std::size_t least = 0;  // after a window that brought nothing, the next one is wider
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
    found.sequences.push_back(frame.sequence);
    found.ends.push_back(scanner.position());
    found.whole_bytes += frame.size;
  }
  found.broken_frames = scanner.broken_frames();
  found.broken_bytes = scanner.broken_bytes();
  found.end = scanner.position();
  found.torn_at = scanner.torn_at();
  return found;
}

std::string frame_of(std::uint64_t sequence, std::string_view event) {
  spool::Entry entry;
  entry.tracking_id = "t";
  entry.session_id = "s";
  entry.event = event;
  std::string frame;
  fuzz::expect(spool::append_frame(frame, sequence, entry));
  return frame;
}

/// What the script puts into the segment.
std::string content_of(fuzz::Script& script) {
  std::string content;
  std::uint64_t next = kFirstSequence;
  while (!script.is_over() && content.size() < 65'536) {
    const std::uint8_t what = script.byte();
    const std::uint8_t number = script.byte();
    switch (what % 6) {
      case 0: content += frame_of(next++, script.bytes(number)); break;
      case 1: content += script.bytes(number); break;
      case 2: content += frame_of(next += number, script.bytes(4)); break;
      case 3: content += frame_of(next++, script.bytes(4)).substr(0, number % 50); break;
      case 4:
        if (!content.empty()) {
          char& flipped = content[content.size() - 1 - number % content.size()];
          flipped = static_cast<char>(flipped ^ (1 << (what >> 5U)));
        }
        break;
      default: content += frame_of(number, "old"); break;  // another file's
    }
  }
  return content;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input{data, size};
  const std::size_t half = size / 4;
  fuzz::Script cuts{input.view().substr(0, half)};
  fuzz::Script script{input.view().substr(half)};
  const std::string content = content_of(script);
  const Found whole = scan(content, [&] { return content.size(); });
  const Found cut = scan(content, [&] { return std::size_t{1} + cuts.byte(); });
  fuzz::expect(cut == whole);
  // Every byte is in a frame, broken, or torn.
  const std::uint64_t end = kOffset + content.size();
  const std::uint64_t torn = whole.torn_at ? end - *whole.torn_at : 0;
  fuzz::expect(whole.end == end);
  fuzz::expect(whole.whole_bytes + whole.broken_bytes + torn == content.size());
  fuzz::expect(std::is_sorted(whole.sequences.begin(), whole.sequences.end()));
  fuzz::expect(std::adjacent_find(whole.sequences.begin(), whole.sequences.end()) ==
               whole.sequences.end());
  return 0;
}
