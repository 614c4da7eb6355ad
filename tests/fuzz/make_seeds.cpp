// SPDX-License-Identifier: Apache-2.0
//
// Writes the first inputs of the fuzz targets: make_seeds DIRECTORY makes a folder for each target,
// with files as a spool has them.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "fuzz.hpp"
#include "personalize_events/detail/recorder/spool/acknowledgement.hpp"
#include "personalize_events/detail/recorder/spool/segment.hpp"

namespace spool = personalize_events::detail::spool;

namespace {

bool write(const std::filesystem::path& path, const std::string& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file{path, std::ios::binary};
  file << bytes;
  file.close();
  return file.good();
}

std::string frame(std::uint64_t sequence, const std::string& event) {
  spool::Entry entry;
  entry.boot_ms = 3'600'000;
  entry.wall_ms = 1'700'000'000'000;
  entry.tracking_id = "tracking-id";
  entry.session_id = "session-1";
  entry.user_id = "user-7";
  entry.event = event;
  std::string bytes;
  // It is not too large.
  static_cast<void>(spool::append_frame(bytes, fuzz::kSalt, sequence, entry));
  return bytes;
}

std::string header() {
  std::string bytes;
  static_cast<void>(
      spool::append_header(bytes, {1,
                                   0,
                                   fuzz::kSalt,
                                   "w-00000001-1f2e3d4c",
                                   "f81d4fae-7dec-41d0-a765-00a0c91e6bf6",
                                   {"us-east-1", "https://example.com", "", "tracking-id"}}));
  return bytes;
}

std::string acknowledgements() {
  std::string bytes;
  spool::SequenceSet set;
  for (const std::uint64_t first : {1U, 21U, 11U}) set.add(first, first + 5);
  spool::append_acknowledgements(bytes, fuzz::kSalt, 0, set);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path folder{argv[1]};
  const std::string event = R"({"eventId":"1","eventType":"Watch","sentAt":1700000000})";
  const std::string one = frame(1, event);
  // Of scanner_fuzz.cpp: a quarter of cuts, then the content of the segment.
  const std::string script = std::string{"\x10\x40\x01\x05\x09"} + std::string{"\0\4", 2} +
                             "{\"\":" + std::string{"\0\4", 2} + "wxyz" + "\4\x20";
  // Of folder_fuzz.cpp: a LOCK file, a segment of three frames and one that was rewritten.
  const std::string whole = "\x04";
  const std::string folders = std::string(1, '\0') + whole + ("\x03\1\1\1" + whole) +
                              ("\xf4\1\1\1\1" + whole) + whole + "\1" + whole;
  const bool is_written =
      write(folder / "frame" / "whole", one) &&
      write(folder / "frame" / "torn", one.substr(0, one.size() / 2)) &&
      write(folder / "frame" / "empty", frame(1, "")) &&
      write(folder / "scanner" / "frames", script) &&
      write(folder / "scanner" / "raw", "\x01\x01\x01\x01" + ("\x01\x80" + one)) &&
      write(folder / "folder" / "two", folders) && write(folder / "header" / "whole", header()) &&
      write(folder / "header" / "torn", header().substr(0, 30)) &&
      write(folder / "acknowledgement" / "three", acknowledgements());
  if (!is_written) std::cerr << "make_seeds: " << folder << ": cannot be written\n";
  return is_written ? 0 : 1;
}
