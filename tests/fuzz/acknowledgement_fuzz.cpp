// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: read_acknowledgements on any bytes behind a good header, as they are and as the
// content of a frame whose checksum is right, and SequenceSet against a plain list of ranges.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fuzz.hpp"
#include "personalize_events/detail/recorder/spool/acknowledgement.hpp"
#include "support/faulty_files.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

const char* const kPath = "/w/00000001.ack";

using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

bool contains(const Ranges& ranges, std::uint64_t sequence) {
  return std::any_of(ranges.begin(), ranges.end(), [sequence](const auto& range) {
    return range.first <= sequence && sequence < range.second;
  });
}

/// The set against the ranges that were added to it.
void check(const spool::SequenceSet& set, const Ranges& ranges) {
  std::uint64_t last_end = 0;
  bool is_first = true;
  for (const auto& [first, end] : set.ranges()) {
    fuzz::expect(first < end);
    fuzz::expect(is_first || last_end < first);
    last_end = end;
    is_first = false;
  }
  std::vector<std::uint64_t> asked{0, std::numeric_limits<std::uint64_t>::max()};
  for (const auto& [first, end] : ranges) {
    for (const std::uint64_t near : {first, end}) {
      for (const std::uint64_t one : {near - 1, near, near + 1}) asked.push_back(one);
    }
  }
  for (const std::uint64_t one : asked) {
    fuzz::expect(set.contains(one) == contains(ranges, one));
  }
}

spool::Acknowledged read(const std::string& bytes) {
  test::FaultyFiles files;
  fuzz::expect(files.make_folder("/w").has_value());
  files.put(kPath, bytes);
  const auto found = spool::read_acknowledgements(files, kPath);
  fuzz::expect(found.has_value());
  return *found;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Asking of each range makes the work grow with the square.
  const fuzz::Input input{data, std::min<std::size_t>(size, 100 * spool::kRangeSize)};
  std::string header;
  spool::SegmentHeader whose;
  whose.salt = fuzz::kSalt;
  fuzz::expect(spool::append_header(header, whose));
  static_cast<void>(read(std::string{input.view()}));
  static_cast<void>(read(header + std::string{input.view()}));

  spool::Entry entry;
  entry.flags = spool::kCompleted;
  entry.event = input.view();
  std::string bytes = header;
  fuzz::expect(spool::append_frame(bytes, fuzz::kSalt, 1, entry));
  const spool::Acknowledged found = read(bytes);
  fuzz::expect(found.frames == 1 && found.broken == 0);
  Ranges ranges;
  for (std::string_view rest = input.view(); rest.size() >= spool::kRangeSize;
       rest.remove_prefix(spool::kRangeSize)) {
    ranges.emplace_back(personalize_events::detail::load_little_endian<std::uint64_t>(rest, 0),
                        personalize_events::detail::load_little_endian<std::uint64_t>(rest, 8));
  }
  check(found.events, ranges);

  // What is written is read back.
  std::string again = header;
  spool::append_acknowledgements(again, fuzz::kSalt, 0, found.events);
  fuzz::expect(read(again).events.ranges() == found.events.ranges());
  return 0;
}
