// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: SegmentedLog on a writer's folder in memory. The input is a script: the LOCK file,
// the segments and their generations, acknowledgements, garbage and flipped bits. Sequences ascend,
// what is acknowledged is not read again, nothing beside the folder changes, and a folder of
// another format version stays as it is.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "fuzz.hpp"
#include "personalize_events/detail/recorder/spool/segmented_log.hpp"
#include "support/faulty_files.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

const std::string kName = "w-00000001-0a0b0c0d";
const std::string kFolder = "/spool/" + kName;

std::string header_of(std::uint64_t first_sequence, std::uint32_t generation) {
  std::string bytes;
  fuzz::expect(spool::append_header(bytes, {first_sequence,
                                            generation,
                                            fuzz::kSalt,
                                            "w-00000001-0a0b0c0d",
                                            "boot",
                                            {"region", "endpoint", "account", "tracker"}}));
  return bytes;
}

void append(std::string& bytes, std::uint64_t sequence, std::uint32_t flags) {
  spool::Entry entry;
  entry.flags = flags;
  entry.tracking_id = "t";
  entry.session_id = "s";
  entry.event = "{}";
  fuzz::expect(spool::append_frame(bytes, fuzz::kSalt, sequence, entry));
}

/// A folder that a script made.
struct World {
  test::FaultyFiles files{};
  /// It may have frames that no writer of the library writes.
  bool has_garbage{false};
  std::uint64_t next{1};

  World() {
    for (const std::string& folder : {std::string{"/spool"}, kFolder}) {
      fuzz::expect(files.make_folder(folder).has_value());
    }
    files.put("/spool/beside", "as it is");
  }

  void put_lock(fuzz::Script& script) {
    std::string bytes = header_of(0, 0);
    append(bytes, 1, spool::kServiceClock);
    damage(bytes, script);
    files.put(kFolder + "/" + spool::kLockName, bytes);
  }
  /// A segment with up to 15 frames, in one generation or two.
  void put_segment(fuzz::Script& script, std::uint64_t number) {
    const std::uint8_t what = script.byte();
    const std::uint64_t first = next;
    std::string bytes = header_of(first, 0);
    std::string again = header_of(first, 1);
    for (unsigned count = what & 0xfU; count > 0; --count) {
      append(bytes, next, 0);
      if ((what & 0x20U) != 0) append(again, next, 0);
      next += 1 + (script.byte() & 3U);
    }
    if ((what & 0x40U) != 0) append(again, next, spool::kEndOfSegment);
    damage(bytes, script);
    files.put(spool::segment_path(kFolder, {number, 0}), bytes);
    if ((what & 0x10U) != 0) {
      damage(again, script);
      files.put(spool::segment_path(kFolder, {number, 1}), again);
    }
    if ((what & 0x80U) == 0) return;
    std::string acknowledged = header_of(0, 0);
    spool::SequenceSet completed;
    const std::uint64_t from = first + (script.byte() & 7U);
    completed.add(from, from + 3);
    spool::append_acknowledgements(acknowledged, fuzz::kSalt, 0, completed);
    damage(acknowledged, script);
    files.put(spool::acknowledgement_path(kFolder, number), acknowledged);
  }

 private:
  void damage(std::string& bytes, fuzz::Script& script) {
    const std::uint8_t what = script.byte();
    switch (what % 5) {
      case 0:
        bytes.resize(bytes.size() - std::min<std::size_t>(bytes.size(), script.byte()));
        break;
      case 1: {
        char& flipped = bytes[(script.byte() * std::size_t{3}) % bytes.size()];
        flipped = static_cast<char>(flipped ^ (1 << (what >> 5U)));
        break;
      }
      case 2:
        bytes.append(script.bytes(script.byte()));
        has_garbage = true;
        break;
      case 3: fuzz::put_little_endian(bytes, 8, std::uint32_t{what}); break;
      default: break;
    }
  }
};

/// All files but those in the quarantine, with their bytes.
std::map<std::string, std::string> content_of(test::FaultyFiles& files) {
  std::map<std::string, std::string> content;
  const auto names = files.list_folder(kFolder);
  fuzz::expect(names.has_value());
  for (const std::string& name : *names) {
    const std::string path = kFolder + "/" + name;
    content[path] = files.bytes(path);
  }
  content["/spool/beside"] = files.bytes("/spool/beside");
  return content;
}

/// Reads all pending events.
std::vector<std::uint64_t> read(spool::SegmentedLog& log) {
  std::vector<std::uint64_t> sequences;
  for (;;) {
    const auto frame = log.next();
    fuzz::expect(frame.has_value());
    if (!*frame) break;
    fuzz::expect(sequences.empty() || (*frame)->sequence > sequences.back());
    sequences.push_back((*frame)->sequence);
  }
  fuzz::expect(!log.has_unread());
  return sequences;
}

void check(World& world) {
  const auto before = content_of(world.files);
  spool::FolderLocks locks;
  spool::SegmentedLog log{world.files, locks, "/spool"};
  if (const auto opened = log.adopt(kName, {}); !opened) {
    const std::string& code = opened.error().code;
    fuzz::expect(code == spool::kOtherVersion || code == spool::kDamaged);
    fuzz::expect(content_of(world.files) == before);
    return;
  }
  fuzz::expect(content_of(world.files) == before);
  const std::vector<std::uint64_t> first = read(log);
  fuzz::expect(log.has_pending() != first.empty());
  std::vector<std::uint64_t> some;
  std::vector<std::uint64_t> others;
  for (const std::uint64_t sequence : first)
    (sequence % 3 == 0 ? others : some).push_back(sequence);
  fuzz::expect(log.acknowledge(some).has_value());

  spool::SegmentedLog again{world.files, locks, "/spool"};
  if (!again.adopt(kName, {})) return;  // the header that was left went with its segment
  const std::vector<std::uint64_t> second = read(again);
  if (!world.has_garbage) fuzz::expect(second == others);
  fuzz::expect(again.acknowledge(second).has_value());
  fuzz::expect(!again.has_pending());
  fuzz::expect(world.files.bytes("/spool/beside") == "as it is");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input{data, std::min<std::size_t>(size, 4'096)};
  fuzz::Script script{input.view()};
  World world;
  const std::uint8_t lock = script.byte();
  if ((lock & 1U) == 0) world.put_lock(script);
  for (std::uint64_t number = 1; !script.is_over() && number <= 8; ++number) {
    world.put_segment(script, number);
  }
  check(world);
  return 0;
}
