// SPDX-License-Identifier: Apache-2.0
//
// Secrets are wiped before their memory is given back. This executable's operator delete looks for
// the marker in every block that is freed, so it holds no other test. Blocks of libcrypto and
// libcurl are looked at too.
#include <curl/curl.h>
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
#include "personalize_events/async_client.hpp"
#include "personalize_events/client.hpp"
#include "personalize_events/core.hpp"
#include "personalize_events/curl_transport.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/providers/cached.hpp"
#include "personalize_events/detail/providers/default_chain.hpp"
#include "personalize_events/detail/providers/environment.hpp"
#include "personalize_events/detail/signing/sigv4.hpp"
#include "support/client_world.hpp"
#include "support/raw_server.hpp"

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

// libcurl's allocation functions.
void* allocate_for_libcurl(std::size_t size) { return allocate(size); }
void release_for_libcurl(void* memory) { release(memory); }
void* reallocate_for_libcurl(void* memory, std::size_t size) {
  return reallocate_for_libcrypto(memory, size, nullptr, 0);
}
void* allocate_array_for_libcurl(std::size_t count, std::size_t size) {
  return allocate(count * size);
}
char* copy_for_libcurl(const char* text) {
  const std::size_t size = std::strlen(text) + 1;
  void* copy = allocate(size);
  return copy == nullptr ? nullptr : static_cast<char*>(std::memcpy(copy, text, size));
}

const bool libcurl_is_looked_at =
    curl_global_init_mem(CURL_GLOBAL_DEFAULT, allocate_for_libcurl, release_for_libcurl,
                         reallocate_for_libcurl, copy_for_libcurl,
                         allocate_array_for_libcurl) == CURLE_OK;

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
          pe::detail::CredentialsCache cache{[&platform]() -> pe::Result<pe::Credentials> {
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

TEST_CASE("Signing leaves no copy of the secret key or token, with one secret or many") {
  pe::HttpRequest request{"POST", "https://host/events", {{"Host", "host"}}, "{}"};
  CHECK(count_unwiped([&request] {
          pe::detail::sigv4::Signer signer;
          const pe::Credentials credentials = make_credentials(true);
          const pe::Credentials other{"AKID", "another secret"};
          for (int day = 0; day < 3; ++day) {
            for (const pe::Credentials* keys : {&credentials, &other, &credentials}) {
              const auto now =
                  std::chrono::system_clock::time_point{std::chrono::hours{490'896 + 24 * day}};
              REQUIRE(signer.sign(request, *keys, now, {"us-east-1", "personalize"}).has_value());
              pe::detail::drop_headers(request.headers, 1);
            }
          }
        }) == 0);
}

TEST_CASE("A client's calls leave no copy of the secret key or token") {
  CHECK(count_unwiped([] {
          test::ClientWorld world;
          // Forgets what it was asked, as a transport does.
          struct Forgetful final : pe::Transport {
            int calls = 0;
            pe::Result<pe::HttpResponse> send(const pe::HttpRequest&) override {
              return pe::HttpResponse{++calls == 1 ? 500 : 200};
            }
          };
          world.options.transport = std::make_shared<Forgetful>();
          world.options.credentials = pe::static_credentials(make_credentials(true));
          {
            const pe::Client client = world.client();
            for (int call = 0; call < 3; ++call) {
              REQUIRE(client.put_events(test::put_events_request()).has_value());
            }
          }
          world.options.credentials = {};
        }) == 0);
}

TEST_CASE("An asynchronous call leaves no copy of the secret key or token") {
  // Answers, and keeps nothing of the request.
  class Answering final : public pe::Transport {
   public:
    pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
      kept_alive += request.headers.size();
      return pe::HttpResponse{200};
    }
  };
  const int unwiped = count_unwiped([] {
    pe::ClientOptions options;
    options.region = "us-east-1";
    options.transport = std::make_shared<Answering>();
    options.credentials = [] { return pe::Result<pe::Credentials>{make_credentials(true)}; };
    const pe::AsyncClient client{std::move(options)};
    const pe::PutEventsRequest request{"tracker", "session", {pe::Event{"Watch"}}};
    CHECK(client.put_events(request).get().has_value());
  });
  CHECK(unwiped == 0);
}

TEST_CASE("A request over libcurl leaves no header line behind, here or in libcurl") {
  // No connection, so that libcurl makes no request of the lines: what it keeps of that is its own.
  pe::HttpRequest request{
      "POST", "http://127.0.0.1:" + std::to_string(test::closed_port()), {}, {}};
  request.direct = true;
  request.headers.emplace_back("Host", "127.0.0.1");
  request.headers.emplace_back("X-Amz-Security-Token", token());
  request.headers.emplace_back("Authorization", secret());
  const auto send = [&request] {
    pe::CurlTransport transport;
    for (int call = 0; call < 2; ++call) CHECK_FALSE(transport.send(request).has_value());
  };
  CHECK(libcurl_is_looked_at);
  CHECK(count_unwiped([&request] {
          curl_slist_free_all(curl_slist_append(nullptr, request.headers[1].second.c_str()));
        }) == 1);
  CHECK(count_unwiped(send) == 0);
}

TEST_CASE("The environment's keys are wiped once they are read") {
  // A platform whose own copy of the environment is not freed meanwhile.
  const auto platform = std::make_shared<pe::testing::VirtualPlatform>();
  platform->set_environment("AWS_ACCESS_KEY_ID", "AKID");
  platform->set_environment("AWS_SECRET_ACCESS_KEY", secret());
  platform->set_environment("AWS_SESSION_TOKEN", token());
  CHECK(count_unwiped([&platform] {
          REQUIRE(pe::environment_credentials({{}, platform})().has_value());
        }) == 0);
}

namespace {

// A client with the default chain. What its platform and its transport keep for the test outlives
// the looking.
struct SourceWorld {
  test::ClientWorld world{};

  SourceWorld() {
    set("HOME", "/home/user");
    set("AWS_REGION", "us-east-1");
    set("AWS_EC2_METADATA_DISABLED", "true");
  }
  void set(const char* name, const std::string& value) const {
    world.platform->set_environment(name, value);
  }
  void set_file(const char* path, const std::string& text) const {
    world.platform->set_file(path, text);
  }
  void reply(const std::string& body) const {
    world.transport->reply(pe::HttpResponse{200, {}, body});
  }
  // Keys and a token in an answer of AWS STS, of one line.
  void reply_with_role() const {
    reply(
        "<AssumeRoleResponse><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::123456789012:"
        "assumed-role/r/s"
        "</Arn></AssumedRoleUser><Credentials><AccessKeyId>AKID</AccessKeyId><SecretAccessKey>" +
        secret() + "</SecretAccessKey><SessionToken>" + token() +
        "</SessionToken><Expiration>2026-01-01T01:00:00Z</Expiration></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>");
  }

  // The unwiped blocks of two calls with a refresh between them, or of what ends without
  // credentials.
  [[nodiscard]] int count(bool well = true) {
    return count_unwiped([&] {
      world.options.credentials = pe::default_chain({world.transport, world.platform});
      {
        const pe::Client client = world.client();
        for (int call = 0; call < 2; ++call) {
          const auto sent = client.put_events(test::put_events_request());
          INFO((sent ? std::string{} : to_string(sent.error())));
          CHECK(sent.has_value() == well);
          world.platform->advance(std::chrono::minutes{30});
        }
      }
      world.options.credentials = {};
    });
  }
};

std::string keys_of_file() {
  return "aws_access_key_id = AKID\naws_secret_access_key = " + secret() +
         "\naws_session_token = " + token() + "\n";
}

}  // namespace

TEST_CASE("A call with the environment's keys leaves nothing behind") {
  SourceWorld world;
  world.set("AWS_ACCESS_KEY_ID", "AKID");
  world.set("AWS_SECRET_ACCESS_KEY", secret());
  world.set("AWS_SESSION_TOKEN", token());
  CHECK(world.count() == 0);
}

TEST_CASE("A call with a profile's keys leaves nothing of the files behind") {
  SourceWorld world;
  const std::string twice = keys_of_file() + keys_of_file();
  world.set_file("/home/user/.aws/config", "[default]\n" + twice + "s3 =\n  a = " + secret() +
                                               "\n  a = " + token() + "\n[ignored]\n" + twice +
                                               "more = " + secret() + "\n  " + token() + "\n  " +
                                               secret() + "\n");
  world.set_file("/home/user/.aws/credentials", "[default]\n" + twice + "[other]\n" + twice);
  CHECK(world.count() == 0);
}

TEST_CASE("A file that is malformed behind its keys leaves nothing behind") {
  SourceWorld world;
  world.set_file("/home/user/.aws/credentials", "[default]\n" + keys_of_file() + "malformed\n");
  CHECK(world.count(false) == 0);
}

TEST_CASE("A call with roles of AWS STS leaves nothing behind") {
  SourceWorld world;
  world.set_file("/home/user/.aws/config",
                 "[default]\nrole_arn = arn:aws:iam::123456789012:role/A\nsource_profile = b\n"
                 "[profile b]\nrole_arn = arn:aws:iam::123456789012:role/B\nsource_profile = c\n"
                 "[profile c]\n" +
                     keys_of_file());
  world.reply_with_role();
  world.reply_with_role();
  world.reply("");
  CHECK(world.count() == 0);
}

TEST_CASE("A call with a web identity leaves nothing behind") {
  SourceWorld world;
  world.set_file("/token", token());
  world.set("AWS_WEB_IDENTITY_TOKEN_FILE", "/token");
  world.set("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/A");
  world.reply(
      "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><AssumedRoleUser>"
      "<Arn>arn:aws:sts::123456789012:assumed-role/r/s</Arn></AssumedRoleUser><Credentials>"
      "<AccessKeyId>AKID</AccessKeyId><SecretAccessKey>" +
      secret() + "</SecretAccessKey><SessionToken>" + token() +
      "</SessionToken><Expiration>2026-01-01T01:00:00Z</Expiration></Credentials>"
      "</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>");
  world.reply("");
  CHECK(world.count() == 0);
}

TEST_CASE("A call with single sign-on leaves nothing behind") {
  SourceWorld world;
  world.set_file("/home/user/.aws/config",
                 "[default]\nsso_session = work\nsso_account_id = 1\nsso_role_name = reader\n"
                 "[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://work\n");
  // The lowercase hex SHA-1 of "work".
  const char* const cache =
      "/home/user/.aws/sso/cache/e274eeff768c6396088ec6eb091f4bf4d47ab1e0.json";
  const auto login = [](const char* expiry) {
    return "{\"accessToken\":\"" + token() + "\",\"expiresAt\":\"" + expiry +
           "\",\"refreshToken\":\"" + token() + "\",\"clientId\":\"id\",\"clientSecret\":\"" +
           secret() + "\",\"registrationExpiresAt\":\"2027-01-01T00:00:00Z\"}";
  };
  const std::string role = "{\"roleCredentials\":{\"accessKeyId\":\"AKID\",\"secretAccessKey\":\"" +
                           secret() + "\",\"sessionToken\":\"" + token() +
                           "\",\"expiration\":1767229200000}}";
  SECTION("with the token of the cache") {
    world.set_file(cache, login("2026-06-01T00:00:00Z"));
    world.reply(role);
    world.reply("");
    CHECK(world.count() == 0);
  }
  SECTION("with a token that is refreshed and written back") {
    world.set_file(cache, login("2026-01-01T00:01:00Z"));
    world.reply("{\"accessToken\":\"" + token() + "\",\"expiresIn\":28800,\"refreshToken\":\"" +
                token() + "\"}");
    world.reply(role);
    world.reply("");
    // The test's own file is replaced, and what it held before is not wiped.
    CHECK(world.count() <= 1);
  }
}

TEST_CASE("A call with a process, a container or an instance leaves nothing behind") {
  SourceWorld world;
  const auto keys = [](const char* token_name) {
    return "{\"Version\":1,\"Code\":\"Success\",\"AccessKeyId\":\"AKID\",\"SecretAccessKey\":\"" +
           secret() + "\",\"" + token_name + "\":\"" + token() +
           "\",\"Expiration\":\"2026-01-01T01:00:00Z\"}";
  };
  SECTION("process") {
    const std::string command = "run --password " + secret();
    world.set_file("/home/user/.aws/config", "[default]\ncredential_process = " + command + "\n");
    world.world.platform->on_process(command, keys("SessionToken"));
    CHECK(world.count() == 0);
  }
  SECTION("container") {
    world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
    world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", token());
    world.reply(keys("Token"));
    world.reply("");
    CHECK(world.count() == 0);
  }
  SECTION("instance") {
    world.set("AWS_EC2_METADATA_DISABLED", "false");
    world.world.transport->reply(
        pe::HttpResponse{200, {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}}, token()});
    world.reply("role");
    world.reply(keys("Token"));
    world.reply("");
    CHECK(world.count() == 0);
  }
}

TEST_CASE("An answer that cannot be read leaves nothing behind") {
  SourceWorld world;
  world.set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys");
  world.reply("{\"Token\":\"" + token() + "\",\"list\":[{\"SecretAccessKey\":\"" + secret() +
              "\"}");
  CHECK(world.count(false) == 0);
}
