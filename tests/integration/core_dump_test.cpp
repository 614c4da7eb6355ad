// SPDX-License-Identifier: Apache-2.0
//
// A core dump, by gdb's gcore, of a process that has sent requests over TLS and ended its client:
// the secret access key is not in it. The session token may be, in buffers of libcurl. Skipped
// without gcore or openssl, or where a process may not be traced.

#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/curl_transport.hpp"
#include "support/sanitizers.hpp"
#include "support/temporary_folder.hpp"
#include "support/tls_server.hpp"

namespace pe = personalize_events;

namespace {

// Letters that are nowhere before they are made, so many that the allocator overwrites but a part
// when they are freed. Each place has its own text.
constexpr std::size_t kLength = 2000;

void append_letters(std::string& text, std::uint32_t place) {
  text.reserve(kLength);
  std::uint32_t state = place * 2'654'435'761U + 12'345U;
  for (std::size_t i = 0; i < kLength; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    text.push_back(static_cast<char>('A' + (state >> 16U) % 26));
  }
}

enum Place : std::uint32_t { kSecretKey = 1, kToken, kFreed };

// What the process does before it is dumped.
void use_client(const std::string& url, const std::string& certificate) {
  pe::ClientOptions options;
  options.region = "us-east-1";
  options.endpoint_url = url.substr(0, url.size() - 1);
  options.http.ca_file = certificate;
  options.attempt_timeout = std::chrono::milliseconds{500};
  options.call_timeout = std::chrono::seconds{2};
  options.transport = std::make_shared<pe::CurlTransport>(options.http);
  options.credentials = []() -> pe::Result<pe::Credentials> {
    pe::Credentials credentials;
    credentials.access_key_id = "AKID";
    append_letters(credentials.secret_access_key, kSecretKey);
    append_letters(credentials.session_token, kToken);
    credentials.expiration = std::chrono::system_clock::now() + std::chrono::hours{1};
    return credentials;
  };
  const pe::Client client{options};
  for (int call = 0; call < 2; ++call) {
    // The test server does not respond to POST, so what comes back is a timeout.
    const auto result =
        client.put_events({"tracker", "session", {pe::Event{"Watch"}, pe::Event{"Click"}}});
    if (result || !result.error().connected) ::_exit(1);
  }
}

[[noreturn]] void be_dumped(const std::string& url, const std::string& certificate, int output) {
  ::alarm(120);
  use_client(url, certificate);
  {
    const auto freed = std::make_unique<std::string>();
    append_letters(*freed, kFreed);
  }
  if (::write(output, "!", 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

bool has_gcore() { return std::system("command -v gcore >/dev/null 2>&1") == 0; }

// How many parts of a text the memory has.
std::size_t count_in(const std::string& memory, Place place) {
  constexpr std::size_t part = 50;
  std::string text;
  append_letters(text, place);
  std::size_t count = 0;
  for (std::size_t from = 0; from < text.size(); from += part) {
    count += memory.find(text.substr(from, part)) != std::string::npos ? 1U : 0U;
  }
  return count;
}

}  // namespace

TEST_CASE("A core dump after a client's end does not have the secret access key") {
  if (!has_gcore() || !test::has_openssl_command() || test::kIsSanitized) {
    WARN("skipped: needs gcore and openssl, and no sanitizer");
    return;
  }
  const test::SelfSigned identity;
  const test::TlsServer server{identity};
  const test::TemporaryFolder folder;
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) be_dumped(server.url(), identity.certificate(), ends[1]);
  ::close(ends[1]);
  char byte = '\0';
  CHECK(::read(ends[0], &byte, 1) == 1);
  ::close(ends[0]);
  const std::string prefix = folder / "core";
  const std::string command =
      "gcore -o " + prefix + " " + std::to_string(child) + " >/dev/null 2>&1";
  const bool was_dumped = std::system(command.c_str()) == 0;
  ::kill(child, SIGKILL);
  CHECK(::waitpid(child, nullptr, 0) == child);
  std::ifstream file{prefix + "." + std::to_string(child), std::ios::binary};
  if (!was_dumped || !file) {
    WARN("skipped: gcore may not trace a process here");
    return;
  }
  const std::string memory{std::istreambuf_iterator<char>{file}, {}};
  CHECK(count_in(memory, kFreed) > 0);
  CHECK(count_in(memory, kSecretKey) == 0);
}
