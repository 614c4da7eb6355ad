// SPDX-License-Identifier: Apache-2.0
//
// Secrets are wiped before their memory is given back. This executable's operator delete looks for
// the marker in every block that is freed, so it holds no other test. Blocks of libcrypto are
// looked at too.
#include <openssl/crypto.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/auth/cached.hpp"
#include "personalize_events/auth/providers/environment.hpp"
#include "personalize_events/auth/sigv4.hpp"
#include "personalize_events/client/client.hpp"
#include "support/client_world.hpp"

namespace pe = personalize_events;

namespace {

// A part of the secrets, so that copies with something before or after them are found as well. It
// is put together at run time, so that no constant that a test frees has it.
constexpr std::size_t kMarkerSize = 24;
constexpr char kMarkerByte = '\x7e';

std::atomic<bool> looking{false};
std::atomic<int> found{0};

// What a compiler must not leave out is written here.
volatile std::size_t kept_alive = 0;

// A block begins with its size.
constexpr std::size_t kHead = alignof(std::max_align_t);

bool has_marker(const char* bytes, std::size_t size) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < size; ++i) {
    run = bytes[i] == kMarkerByte ? run + 1 : 0;
    if (run == kMarkerSize) return true;
  }
  return false;
}

void* allocate(std::size_t size) {
  void* block = std::malloc(kHead + size);
  if (block == nullptr) return nullptr;
  std::memset(block, 0, kHead + size);
  std::memcpy(block, &size, sizeof size);
  return static_cast<char*>(block) + kHead;
}

void release(void* memory) {
  if (memory == nullptr) return;
  char* block = static_cast<char*>(memory) - kHead;
  std::size_t size = 0;
  std::memcpy(&size, block, sizeof size);
  if (looking && has_marker(static_cast<const char*>(memory), size)) ++found;
  std::free(block);
}

// libcrypto's allocation functions.
void* allocate_for_libcrypto(std::size_t size, const char*, int) { return allocate(size); }
void release_for_libcrypto(void* memory, const char*, int) { release(memory); }
void* reallocate_for_libcrypto(void* memory, std::size_t size, const char*, int) {
  void* other = allocate(size);
  if (memory == nullptr || other == nullptr) return other;
  std::size_t old_size = 0;
  std::memcpy(&old_size, static_cast<char*>(memory) - kHead, sizeof old_size);
  std::memcpy(other, memory, old_size < size ? old_size : size);
  release(memory);
  return other;
}

// Before main, because libcrypto takes them only before its first allocation.
const bool libcrypto_is_looked_at =
    CRYPTO_set_mem_functions(allocate_for_libcrypto, reallocate_for_libcrypto,
                             release_for_libcrypto) == 1;

std::string marker() { return std::string(kMarkerSize, kMarkerByte); }
std::string secret() { return "secret" + marker() + "secret"; }
std::string token() { return "token" + marker() + "token"; }

// Counts the freed blocks that have the marker, from here to its end.
template <class Action>
int count_unwiped(Action action) {
  found = 0;
  looking = true;
  action();
  looking = false;
  return found;
}

// Credentials whose own making leaves nothing behind that is not looked for.
pe::Credentials make_credentials(bool with_token) {
  pe::Credentials credentials{"AKID", {}};
  credentials.secret_access_key.reserve(64);
  credentials.secret_access_key.append("secret").append(kMarkerSize, kMarkerByte).append("secret");
  if (with_token) {
    credentials.session_token.reserve(64);
    credentials.session_token.append("token").append(kMarkerSize, kMarkerByte).append("token");
  }
  return credentials;
}

}  // namespace

void* operator new(std::size_t size) {
  void* memory = allocate(size);
  if (memory == nullptr) throw std::bad_alloc{};
  return memory;
}
void* operator new[](std::size_t size) { return operator new(size); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size); }
void operator delete(void* memory) noexcept { release(memory); }
void operator delete[](void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { release(memory); }

TEST_CASE("A secret that is not wiped is found") {
  CHECK(libcrypto_is_looked_at);
  CHECK(count_unwiped([] { kept_alive = secret().size(); }) > 0);
  CHECK(count_unwiped([] { kept_alive = std::make_unique<std::string>(token())->size(); }) > 0);
  CHECK(count_unwiped([] {
          void* memory = OPENSSL_malloc(64);
          REQUIRE(memory != nullptr);
          std::memset(memory, kMarkerByte, 64);
          OPENSSL_free(memory);
        }) == 1);
  CHECK(count_unwiped([] { const std::string text(64, 'x'); }) == 0);
}

TEST_CASE("Credentials are wiped when they are destroyed, copies and moved-from ones as well") {
  CHECK(count_unwiped([] { const pe::Credentials credentials = make_credentials(true); }) == 0);
  CHECK(count_unwiped([] {
          pe::Credentials credentials = make_credentials(true);
          const pe::Credentials copy = credentials;
          const pe::Credentials moved = std::move(credentials);
          const auto shared = std::make_shared<const pe::Credentials>(copy);
          const pe::Result<pe::Credentials> result{moved};
        }) == 0);
}

TEST_CASE("Providers and the cache leave nothing behind") {
  CHECK(count_unwiped([] {
          const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
          const pe::CredentialsProvider provider =
              pe::cached(pe::static_credentials(make_credentials(true)), platform);
          for (int call = 0; call < 3; ++call) REQUIRE(provider().has_value());
        }) == 0);
  CHECK(count_unwiped([] {
          const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
          pe::CredentialsCache cache{[&platform]() -> pe::Result<pe::Credentials> {
                                       pe::Credentials credentials = make_credentials(true);
                                       credentials.expiration =
                                           platform->now() + std::chrono::hours{1};
                                       return credentials;
                                     },
                                     platform};
          for (int call = 0; call < 3; ++call) {
            const auto credentials = cache.get(std::chrono::minutes{1});
            REQUIRE(credentials.has_value());
            if (call == 0) cache.invalidate(*credentials);
            platform->advance(std::chrono::hours{2});
          }
        }) == 0);
}

TEST_CASE("Signing leaves no copy of the secret key, with one secret or many") {
  pe::HttpRequest request{"POST", "https://host/events", {{"Host", "host"}}, "{}"};
  CHECK(count_unwiped([&request] {
          pe::sigv4::Signer signer;
          const pe::Credentials credentials = make_credentials(false);
          const pe::Credentials other{"AKID", "another secret"};
          for (int day = 0; day < 3; ++day) {
            for (const pe::Credentials* keys : {&credentials, &other, &credentials}) {
              const auto now =
                  std::chrono::system_clock::time_point{std::chrono::hours{490'896 + 24 * day}};
              REQUIRE(signer.sign(request, *keys, now, {"us-east-1", "personalize"}).has_value());
            }
          }
        }) == 0);
}

TEST_CASE("A client's calls leave no copy of the secret key") {
  CHECK(count_unwiped([] {
          test::ClientWorld world;
          world.options.credentials = pe::static_credentials(make_credentials(false));
          world.transport->reply(pe::HttpResponse{500});
          world.transport->reply(pe::HttpResponse{200});
          {
            const pe::Client client = world.client();
            for (int call = 0; call < 3; ++call) {
              REQUIRE(client.put_events(test::put_events_request()).has_value());
            }
          }
          world.options.credentials = {};
        }) == 0);
}

TEST_CASE("The environment's keys are wiped once they are read") {
  // A platform whose own copy of the environment is not freed meanwhile.
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("AWS_ACCESS_KEY_ID", "AKID");
  platform->set_environment("AWS_SECRET_ACCESS_KEY", secret());
  platform->set_environment("AWS_SESSION_TOKEN", token());
  CHECK(count_unwiped(
            [&platform] { REQUIRE(pe::environment_credentials(platform)().has_value()); }) == 0);
}
