// SPDX-License-Identifier: Apache-2.0

#include "support/conformance.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "catch.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "support/places.hpp"

namespace test {

std::filesystem::path conformance_directory() {
  const char* named = std::getenv("PERSONALIZE_EVENTS_CONFORMANCE_DIR");
  if (named != nullptr && *named != '\0') return named;
  return source_folder() / "../shared/conformance";
}

std::string read_conformance(const std::filesystem::path& file) {
  std::ifstream stream(conformance_directory() / file, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  INFO("file: " << (conformance_directory() / file).string());
  REQUIRE_FALSE(bytes.empty());
  return bytes;
}

personalize_events::detail::json::Value read_vectors(const std::filesystem::path& file) {
  auto vectors = personalize_events::detail::json::parse(read_conformance(file));
  INFO("file: " << file.string());
  REQUIRE(vectors.has_value());
  return *std::move(vectors);
}

const personalize_events::detail::json::Value& member(
    const personalize_events::detail::json::Value& object, std::string_view name) {
  const personalize_events::detail::json::Value* found = object.find(name);
  INFO("member: " << name);
  REQUIRE(found != nullptr);
  return *found;
}

std::vector<std::filesystem::path> conformance_cases(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> cases;
  std::error_code unreadable;
  for (const auto& entry :
       std::filesystem::directory_iterator(conformance_directory() / folder, unreadable)) {
    if (entry.is_directory()) cases.push_back(folder / entry.path().filename());
  }
  INFO("folder: " << (conformance_directory() / folder).string());
  REQUIRE_FALSE(cases.empty());
  std::sort(cases.begin(), cases.end());
  return cases;
}

void report_conformance_cases(std::size_t count, const std::string& of_what) {
  std::cout << count << " cases of " << of_what << std::endl;
  CHECK(count > 0);
}

}  // namespace test
