// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: decode_frame on any bytes, as they are and with a correct checksum. A whole frame is
// written again as the same bytes, and is none of a writer with another salt.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

void check(std::string_view bytes) {
  const spool::Frame frame = spool::decode_frame(bytes, fuzz::kSalt);
  if (frame.state != spool::FrameState::Whole) {
    // What is torn is too short for a frame of its length.
    fuzz::expect(frame.state != spool::FrameState::Torn || bytes.size() < spool::kMaxFrameSize);
    return;
  }
  fuzz::expect(frame.size >= spool::kMinFrameSize && frame.size <= bytes.size());
  fuzz::expect(spool::frame_size(frame.entry) == frame.size);
  std::string again;
  fuzz::expect(spool::append_frame(again, fuzz::kSalt, frame.sequence, frame.entry));
  fuzz::expect(again == bytes.substr(0, frame.size));
  const std::size_t cut = frame.sequence % frame.size;
  fuzz::expect(spool::decode_frame(bytes.substr(0, cut), fuzz::kSalt).state ==
               spool::FrameState::Torn);
  fuzz::expect(spool::decode_frame(bytes, fuzz::kSalt + 1).state == spool::FrameState::Broken);
}

/// The bytes as a frame that is whole but for its lengths.
std::string repaired(std::string bytes) {
  if (bytes.size() < spool::kMinFrameSize) return bytes;
  bytes.replace(0, spool::kFrameMagic.size(), spool::kFrameMagic);
  const std::size_t payload = bytes.size() - spool::kFrameHeadSize - spool::kFrameCrcSize;
  fuzz::put_little_endian(bytes, 4, static_cast<std::uint32_t>(payload));
  fuzz::put_crc(bytes, bytes.size() - spool::kFrameCrcSize, 0, fuzz::kSalt);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input{data, size};
  check(input.view());
  check(fuzz::Input{repaired(std::string{input.view()})}.view());
  return 0;
}
