// SPDX-License-Identifier: Apache-2.0
//
// Fuzz target: decode_header on any bytes, as they are and with a correct magic, length and
// checksum. A good header is written again as the same bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

void check(std::string_view bytes) {
  const spool::DecodedHeader decoded = spool::decode_header(bytes);
  if (decoded.state != spool::HeaderState::Good) {
    fuzz::expect(decoded.state != spool::HeaderState::Torn || bytes.size() < spool::kMaxHeaderSize);
    return;
  }
  fuzz::expect(decoded.size <= bytes.size() && decoded.size <= spool::kMaxHeaderSize);
  std::string again;
  fuzz::expect(spool::append_header(again, decoded.header));
  fuzz::expect(again == bytes.substr(0, decoded.size));
  const std::size_t cut = decoded.header.first_sequence % decoded.size;
  fuzz::expect(spool::decode_header(bytes.substr(0, cut)).state == spool::HeaderState::Torn);
}

/// The bytes as a header that is whole but for what its body says.
std::string repaired(std::string bytes) {
  constexpr std::size_t least = spool::kHeaderHeadSize + 4;
  if (bytes.size() < least || bytes.size() > spool::kMaxHeaderSize) return bytes;
  bytes.replace(0, spool::kSegmentMagic.size(), spool::kSegmentMagic);
  bytes[8] = static_cast<char>(bytes[8] & 3);
  bytes.replace(9, 3, 3, '\0');
  fuzz::put_little_endian(bytes, 12, static_cast<std::uint32_t>(bytes.size() - least));
  fuzz::put_crc(bytes, bytes.size() - 4);
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::Input input{data, size};
  check(input.view());
  check(fuzz::Input{repaired(std::string{input.view()})}.view());
  return 0;
}
