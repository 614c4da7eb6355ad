// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: read_acknowledgements and open_events on any bytes, as they are and with checksums
// that are right, against a plain list of the records.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"
#include "personalize_events/recorder/spool/acknowledgement.hpp"

namespace spool = personalize_events::spool;

namespace {

bool contains(const std::vector<spool::SequenceRange>& ranges, std::uint64_t sequence) {
  return std::any_of(ranges.begin(), ranges.end(), [sequence](const spool::SequenceRange& range) {
    return range.first <= sequence && sequence < range.end;
  });
}

/// The good records, one by one.
std::vector<spool::SequenceRange> records_of(std::string_view bytes) {
  std::vector<spool::SequenceRange> records;
  for (std::size_t at = 0; at + spool::kAcknowledgementSize <= bytes.size();
       at += spool::kAcknowledgementSize) {
    std::string again;
    const auto load = [&](std::size_t offset, std::size_t count) {
      std::uint64_t value = 0;
      for (std::size_t i = count; i-- > 0;) {
        value = value << 8U | static_cast<unsigned char>(bytes[at + offset + i]);
      }
      return value;
    };
    const std::uint64_t first = load(0, 8);
    const std::uint64_t count = load(8, 4);
    spool::append_acknowledgement(again, first, static_cast<std::uint32_t>(count));
    if (count == 0 || first + count < first) continue;
    if (again == bytes.substr(at, spool::kAcknowledgementSize)) {
      records.push_back({first, first + count});
    }
  }
  return records;
}

void check(std::string_view bytes) {
  const std::vector<spool::SequenceRange> records = records_of(bytes);
  spool::SequenceSet read;
  const std::size_t broken = spool::read_acknowledgements(bytes, read);
  fuzz::expect(broken + records.size() == bytes.size() / spool::kAcknowledgementSize);
  const std::vector<spool::SequenceRange>& ranges = read.ranges();
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    fuzz::expect(ranges[i].first < ranges[i].end);
    fuzz::expect(i == 0 || ranges[i - 1].end < ranges[i].first);
  }
  const spool::SequenceRange segment{1, 300};
  const std::vector<spool::SequenceRange> open = spool::open_events(segment, read);
  std::vector<std::uint64_t> asked{0, segment.first, segment.end - 1, segment.end};
  for (const spool::SequenceRange& record : records) {
    for (const std::uint64_t near : {record.first, record.end}) {
      for (const std::uint64_t one : {near - 1, near, near + 1}) asked.push_back(one);
    }
  }
  for (const std::uint64_t one : asked) {
    fuzz::expect(read.contains(one) == contains(records, one));
    const bool is_open = segment.first <= one && one < segment.end && !contains(records, one);
    fuzz::expect(contains(open, one) == is_open);
  }
}

/// The bytes as records of small numbers, or such as are nearly the largest.
std::string repaired(std::string bytes) {
  for (std::size_t at = 0; at + spool::kAcknowledgementSize <= bytes.size();
       at += spool::kAcknowledgementSize) {
    const bool is_large = (static_cast<unsigned char>(bytes[at + 15]) & 7U) == 0;
    bytes.replace(at + 2, 6, 6, is_large ? '\xff' : '\0');
    bytes[at + 1] =
        static_cast<char>(is_large ? 0xff : static_cast<unsigned char>(bytes[at + 1]) & 1U);
    bytes.replace(at + 9, 3, 3, '\0');
    fuzz::put_crc(bytes, at + 12, at);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Asking of each record makes the work grow with the square.
  const fuzz::Input input{data, std::min<std::size_t>(size, 100 * spool::kAcknowledgementSize)};
  check(input.view());
  check(fuzz::Input{repaired(std::string{input.view()})}.view());
  return 0;
}
