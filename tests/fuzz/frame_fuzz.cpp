// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: decode_frame on any bytes, as they are and with a checksum that is right. What it
// takes for whole is written again as the same bytes.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "personalize_events/recorder/spool/frame.hpp"

namespace spool = personalize_events::spool;

namespace {

void check(std::string_view bytes) {
  const spool::Frame frame = spool::decode_frame(bytes);
  if (frame.state != spool::FrameState::Whole) {
    // What is torn is too short for any frame of its length, and says so at every cut.
    fuzz::expect(frame.state != spool::FrameState::Torn || bytes.size() < spool::kMaxFrameSize);
    return;
  }
  fuzz::expect(frame.size >= spool::kMinFrameSize && frame.size <= bytes.size());
  fuzz::expect(spool::frame_size(frame.entry) == frame.size);
  std::string again;
  fuzz::expect(spool::append_frame(again, frame.sequence, frame.entry));
  fuzz::expect(again == bytes.substr(0, frame.size));
  const std::size_t cut = frame.sequence % frame.size;
  fuzz::expect(spool::decode_frame(bytes.substr(0, cut)).state == spool::FrameState::Torn);
}

/// The bytes as a frame that is whole but for its lengths.
std::string repaired(std::string bytes) {
  if (bytes.size() < spool::kMinFrameSize) return bytes;
  bytes.replace(0, spool::kFrameMagic.size(), spool::kFrameMagic);
  const std::size_t payload = bytes.size() - spool::kFrameHeadSize - spool::kFrameCrcSize;
  fuzz::put_little_endian(bytes, 4, static_cast<std::uint32_t>(payload));
  fuzz::put_crc(bytes, bytes.size() - spool::kFrameCrcSize);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input{data, size};
  check(input.view());
  check(fuzz::Input{repaired(std::string{input.view()})}.view());
  return 0;
}
