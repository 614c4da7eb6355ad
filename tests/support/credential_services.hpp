// SPDX-License-Identifier: Apache-2.0
//
// CredentialWorld: a machine in virtual time, every service that gives credentials, and Amazon
// Personalize Events, which checks the signatures of what it gets. credential_providers.hpp has one
// row for each way in which a client finds credentials there.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_CREDENTIAL_SERVICES_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_CREDENTIAL_SERVICES_HPP

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/testing/signature_check.hpp"
#include "personalize_events/options.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "personalize_events/transport.hpp"
#include "support/es256_key.hpp"

namespace test {

/// Waits until each other thread of this process waits for something or has ended: a refresh beside
/// the calls takes no virtual time, and is over before that goes on. Does nothing where the system
/// does not tell.
inline void wait_for_other_threads() {
  std::error_code failed;
  const std::string self =
      std::filesystem::read_symlink("/proc/thread-self", failed).filename().string();
  for (bool is_any_running = !failed; is_any_running;) {
    is_any_running = false;
    std::filesystem::directory_iterator tasks{"/proc/self/task", failed};
    for (; !failed && tasks != std::filesystem::directory_iterator{}; tasks.increment(failed)) {
      if (tasks->path().filename() == self) continue;
      std::string line;
      std::getline(std::ifstream{tasks->path() / "stat"}, line);
      const std::size_t state = line.rfind(") ");  // "1234 (name) S ..."
      if (state == std::string::npos) continue;    // it has ended
      is_any_running = is_any_running || line[state + 2] == 'R' || line[state + 2] == 'D';
    }
    if (is_any_running) std::this_thread::yield();
  }
}

/// A VirtualPlatform with a clock that may be wrong, commands that may take time, and threads whose
/// waits may take place beside the test's.
class ScenarioPlatform final : public personalize_events::Platform {
 public:
  using Process = std::function<personalize_events::Result<std::string>(
      const std::string& command, std::chrono::milliseconds timeout)>;

  std::optional<std::string> environment(const std::string& name) override {
    return inner.environment(name);
  }
  personalize_events::Result<std::string> read_file(const std::string& path) override {
    return inner.read_file(path);
  }
  personalize_events::Result<void> replace_file(const std::string& path,
                                                const std::string& content) override {
    return inner.replace_file(path, content);
  }
  std::chrono::system_clock::time_point now() override {
    return service_now() + std::chrono::milliseconds{clock_error_.load()};
  }
  std::chrono::steady_clock::time_point steady_now() override {
    const OwnTime* own = time_beside();
    if (own == nullptr) return inner.steady_now();
    return std::chrono::steady_clock::time_point{
        std::chrono::duration_cast<std::chrono::steady_clock::duration>(own->now)};
  }
  void sleep_for(std::chrono::nanoseconds duration) override { pass(duration); }
  void random_bytes(unsigned char* out, std::size_t count) override {
    inner.random_bytes(out, count);
  }
  personalize_events::Result<std::string> run_process(const std::string& command,
                                                      std::chrono::milliseconds timeout) override {
    return process(command, timeout);
  }

  /// The clock of the services.
  std::chrono::system_clock::time_point service_now() {
    const OwnTime* own = time_beside();
    if (own == nullptr) return inner.now();
    return start_ + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                        own->now - std::chrono::hours{1});
  }
  /// Lets time pass for the calling thread.
  void pass(std::chrono::nanoseconds duration) {
    OwnTime* own = time_beside();
    if (own == nullptr) return inner.advance(duration);
    own->now += duration;
  }
  void set_clock_error(std::chrono::milliseconds error) { clock_error_ = error.count(); }
  /// From now on time passes for other threads than this one only when they wait, as when a refresh
  /// hangs while calls go on. A thread that falls back by more than kCatchUp has been idle.
  void split_time() { test_ = std::this_thread::get_id(); }

  personalize_events::testing::VirtualPlatform inner{};
  Process process{};

 private:
  struct OwnTime {
    std::uint64_t world{0};
    std::chrono::nanoseconds now{0};  // of the steady and the boot-time clock, which go together
  };
  static constexpr std::chrono::minutes kCatchUp{30};

  /// The time of a thread that has one of its own; null for others.
  [[nodiscard]] OwnTime* time_beside() {
    const std::thread::id test = test_.load();
    if (test == std::thread::id{} || test == std::this_thread::get_id()) return nullptr;
    thread_local OwnTime own;
    const std::chrono::nanoseconds now = inner.boot_now();
    if (own.world != number_ || now - own.now > kCatchUp) own = OwnTime{number_, now};
    return &own;
  }
  [[nodiscard]] static std::uint64_t next_number() {
    static std::atomic<std::uint64_t> numbers{0};
    return ++numbers;
  }

  const std::uint64_t number_{next_number()};
  const std::chrono::system_clock::time_point start_{inner.now()};  // an hour after its boot
  std::atomic<std::int64_t> clock_error_{0};
  std::atomic<std::thread::id> test_{};
};

/// Letters and digits that stand nowhere else, for a secret: a text of its own for each `place`.
inline std::string planted_text(std::uint64_t place, std::size_t size = 40) {
  std::string text;
  std::uint64_t state = place * 0x9e3779b97f4a7c15U + 0x2545f4914f6cdd1dU;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U;
    text.push_back(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"[(state >> 33U) % 62]);
  }
  return text;
}

/// What the services expect, and what the machine has of it.
struct PlantedSecrets {
  std::string web_identity{planted_text(1) + "." + planted_text(2) + "." + planted_text(3)};
  std::string sso_token{planted_text(4)};
  std::string refresh_token{planted_text(5)};
  std::string client_secret{planted_text(6)};
  std::string container_token{planted_text(7)};
  std::string metadata_token{planted_text(8)};
  std::string cognito_login{planted_text(9)};
  std::string base_secret{planted_text(10)};
};

/// How the services that give credentials, and processes, respond.
enum class Source : std::uint8_t { Good, Slow, Silent, Failing };

/// The services, as a transport that reaches them. Threads of a client that hang may use it after
/// the test.
class CredentialWorld final : public personalize_events::Transport,
                              public std::enable_shared_from_this<CredentialWorld> {
 public:
  using Response = personalize_events::Result<personalize_events::HttpResponse>;

  [[nodiscard]] static std::shared_ptr<CredentialWorld> make();

  /// What the test sets. `source` may change while threads ask.
  std::atomic<Source> source{Source::Good};
  std::chrono::milliseconds slowness{2500};
  std::chrono::seconds lifetime{3600};
  /// Whether the service rejects credentials that have expired.
  bool checks_expiry{true};

  const std::shared_ptr<ScenarioPlatform> platform = std::make_shared<ScenarioPlatform>();

  [[nodiscard]] personalize_events::ClientOptions options() {
    personalize_events::ClientOptions options;
    options.region = "us-east-1";
    options.platform = platform;
    options.transport = shared_from_this();
    return options;
  }

  /// From now on the credentials that are issued are of no use, or of use.
  void issue_bad(bool bad) {
    const std::lock_guard<std::mutex> lock{mutex_};
    issues_bad_ = bad;
    kept_.reset();
  }
  /// All credentials that were issued are of no use any more.
  void revoke() {
    const std::lock_guard<std::mutex> lock{mutex_};
    for (auto& [id, key] : issued_) key.is_good = id == kBaseKey;
    kept_.reset();
  }
  /// The code that bad credentials are rejected with. With InvalidSignatureException the signature
  /// of bad credentials is wrong.
  std::string rejection{"UnrecognizedClientException"};
  /// Responds in place of all services; none for a request that they respond to. Set before the
  /// first request.
  std::function<std::optional<Response>(const personalize_events::HttpRequest&)> intercept{};

  const PlantedSecrets secrets{};
  /// All secrets: those above, and the keys that were issued.
  [[nodiscard]] std::vector<std::string> all_secrets() const {
    std::vector<std::string> all{secrets.web_identity,    secrets.sso_token,
                                 secrets.refresh_token,   secrets.client_secret,
                                 secrets.container_token, secrets.metadata_token,
                                 secrets.cognito_login,   secrets.base_secret};
    const std::lock_guard<std::mutex> lock{mutex_};
    for (const auto& [id, key] : issued_) {
      for (const std::string& text : {id, key.keys.secret_access_key, key.keys.session_token}) {
        if (!text.empty()) all.push_back(text);
      }
    }
    return all;
  }

  Response send(const personalize_events::HttpRequest& request) override;

  /// How often a source was asked, and Personalize Events.
  [[nodiscard]] int asked() const { return asked_; }
  [[nodiscard]] int sent() const { return sent_; }
  /// How many keys were issued.
  [[nodiscard]] int issued() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return keys_issued_;
  }
  /// Requests that no service expects.
  [[nodiscard]] std::vector<std::string> surprises() const {
    const std::lock_guard<std::mutex> lock{mutex_};
    return surprises_;
  }

  void set(const std::string& variable, const std::string& value) const {
    platform->inner.set_environment(variable, value);
  }
  void set_config(const std::string& text) const {
    platform->inner.set_file("/home/user/.aws/config", text);
  }

  /// New keys of a user, or with `expires` of a session.
  [[nodiscard]] personalize_events::Credentials issue(bool expires) {
    const std::lock_guard<std::mutex> lock{mutex_};
    return issue_locked(expires);
  }
  /// Keys that may assume a role, and never become bad.
  [[nodiscard]] personalize_events::Credentials base_keys() {
    const std::lock_guard<std::mutex> lock{mutex_};
    const personalize_events::Credentials keys{kBaseKey, secrets.base_secret};
    issued_.insert_or_assign(keys.access_key_id, Issued{keys, true});
    return keys;
  }

  [[nodiscard]] std::string time(std::chrono::system_clock::duration from_now) const {
    return personalize_events::detail::format_rfc3339(platform->service_now() + from_now);
  }

  [[nodiscard]] static std::string json(
      const std::vector<std::pair<std::string, std::string>>& members) {
    std::string text;
    personalize_events::detail::json::Writer writer{text};
    writer.begin_object();
    for (const auto& [name, value] : members) {
      writer.key(name);
      writer.string(value);
    }
    writer.end_object();
    return text;
  }

 private:
  struct Issued {
    personalize_events::Credentials keys{};
    bool is_good{true};
  };

  CredentialWorld() = default;

  static constexpr const char* kBaseKey = "AKIAQ4XTNB7CWZ2MLVRD";

  /// Capital letters, as access key IDs have.
  [[nodiscard]] static std::string key_text(std::uint64_t number) {
    std::string text = planted_text(number + 100'000'000, 16);
    for (char& c : text) {
      if (c >= 'a') c = static_cast<char>(c - 'a' + 'A');
    }
    return text;
  }
  [[nodiscard]] personalize_events::Credentials issue_locked(bool expires) {
    const auto number = static_cast<std::uint64_t>(++keys_issued_);
    personalize_events::Credentials keys;
    keys.access_key_id = (expires ? "ASIA" : "AKIA") + key_text(number);
    keys.secret_access_key = planted_text(1000 + 2 * number);
    if (expires) {
      keys.session_token = planted_text(1001 + 2 * number, 64);
      keys.expiration = platform->service_now() + lifetime;
    }
    const bool is_good = !issues_bad_;
    issued_.insert_or_assign(keys.access_key_id, Issued{keys, is_good});
    return keys;
  }

  /// As services do that give the same keys until shortly before they expire.
  [[nodiscard]] personalize_events::Credentials kept_keys() {
    const std::lock_guard<std::mutex> lock{mutex_};
    const auto now = platform->service_now();
    if (!kept_ || *kept_->expiration - now < std::chrono::minutes{10}) kept_ = issue_locked(true);
    return *kept_;
  }

  personalize_events::Result<std::string> run(const std::string& command,
                                              std::chrono::milliseconds timeout);
  [[nodiscard]] std::string keys_text(const char* token_name) {
    const personalize_events::Credentials keys = kept_keys();
    return json({{"Code", "Success"},
                 {"AccessKeyId", keys.access_key_id},
                 {"SecretAccessKey", keys.secret_access_key},
                 {token_name, keys.session_token},
                 {"Expiration", personalize_events::detail::format_rfc3339(*keys.expiration)}});
  }
  Response personalize(const personalize_events::HttpRequest& request);
  Response give_keys(const personalize_events::HttpRequest& request);
  Response sts(const personalize_events::HttpRequest& request);
  Response sign_in(const personalize_events::HttpRequest& request);
  Response cognito(const personalize_events::HttpRequest& request);
  Response metadata(const personalize_events::HttpRequest& request);

  /// Waits as the source does. None if it responds.
  [[nodiscard]] std::optional<Response> wait(std::chrono::milliseconds timeout);

  [[nodiscard]] personalize_events::Result<void> check(
      const personalize_events::HttpRequest& request, std::string_view service) const;

  [[nodiscard]] Response dated(int status, std::string body,
                               personalize_events::Headers headers = {}) const {
    headers.emplace_back("Date",
                         personalize_events::detail::format_http_date(platform->service_now()));
    return personalize_events::HttpResponse{status, std::move(headers), std::move(body)};
  }
  [[nodiscard]] Response surprised(const personalize_events::HttpRequest& request,
                                   const std::string& what) {
    const std::lock_guard<std::mutex> lock{mutex_};
    surprises_.push_back(what + ": " + request.method + " " + request.url);
    return dated(400, {});
  }

  mutable std::mutex mutex_{};
  std::map<std::string, Issued> issued_{};
  std::optional<personalize_events::Credentials> kept_{};
  std::vector<std::string> surprises_{};
  int keys_issued_{0};
  bool issues_bad_{false};
  std::atomic<int> asked_{0};
  std::atomic<int> sent_{0};
};

inline std::shared_ptr<CredentialWorld> CredentialWorld::make() {
  const std::shared_ptr<CredentialWorld> world{new CredentialWorld()};
  world->set("HOME", "/home/user");
  world->set("AWS_EC2_METADATA_DISABLED", "true");
  world->platform->process = [weak = world->weak_from_this()](const std::string& command,
                                                              std::chrono::milliseconds timeout) {
    const std::shared_ptr<CredentialWorld> still_there = weak.lock();
    if (still_there == nullptr) {
      return personalize_events::Result<std::string>{
          personalize_events::credentials_error("the test is over")};
    }
    return still_there->run(command, timeout);
  };
  return world;
}

inline personalize_events::Result<std::string> CredentialWorld::run(
    const std::string& command, std::chrono::milliseconds timeout) {
  ++asked_;
  const auto waited = wait(timeout);
  if (waited && (!*waited || (*waited)->status != 200)) {
    return personalize_events::credentials_error("the command failed");
  }
  if (command != "/bin/keys") return personalize_events::credentials_error("no such command");
  std::string text = keys_text("SessionToken");
  text.insert(1, R"("Version":1,)");
  return text;
}

inline std::optional<CredentialWorld::Response> CredentialWorld::wait(
    std::chrono::milliseconds timeout) {
  const auto error = [](personalize_events::ErrorKind kind) {
    auto failure = personalize_events::detail::make_error(kind, "host:443", "no response");
    failure.retryable = true;
    failure.connected = true;
    return Response{failure};
  };
  switch (source.load()) {
    case Source::Good: return std::nullopt;
    case Source::Slow:
      platform->pass(std::min(timeout, slowness));
      if (timeout < slowness) return error(personalize_events::ErrorKind::Timeout);
      return std::nullopt;
    case Source::Silent:
      platform->pass(timeout);
      return error(personalize_events::ErrorKind::Timeout);
    case Source::Failing: return dated(500, {});
  }
  return std::nullopt;
}

inline CredentialWorld::Response CredentialWorld::send(
    const personalize_events::HttpRequest& request) {
  if (intercept) {
    if (auto response = intercept(request)) return *std::move(response);
  }
  if (request.url.find("https://personalize-events.us-east-1.amazonaws.com/") == 0) {
    ++sent_;
    return personalize(request);
  }
  ++asked_;
  if (auto failed = wait(request.timeout)) return *std::move(failed);
  return give_keys(request);
}

inline personalize_events::Result<void> CredentialWorld::check(
    const personalize_events::HttpRequest& request, std::string_view service) const {
  using personalize_events::testing::refusal;
  const std::string* header = personalize_events::find_header(request.headers, "authorization");
  if (header == nullptr) return refusal(403, "MissingAuthenticationTokenException", {});
  const auto authorization = personalize_events::testing::parse_authorization(*header);
  if (!authorization) return authorization.error();
  Issued issued;
  {
    const std::lock_guard<std::mutex> lock{mutex_};
    const auto found = issued_.find(std::string{authorization->access_key_id});
    if (found == issued_.end()) return refusal(403, "UnrecognizedClientException", {});
    issued = found->second;
  }
  if (!checks_expiry) issued.keys.expiration.reset();
  if (!issued.is_good && rejection != "InvalidSignatureException") {
    return refusal(403, rejection, "bad keys");
  }
  if (!issued.is_good) issued.keys.secret_access_key.append("-another");
  return personalize_events::testing::check_signature(request, {issued.keys, "us-east-1", service},
                                                      platform->service_now());
}

inline CredentialWorld::Response CredentialWorld::personalize(
    const personalize_events::HttpRequest& request) {
  const auto checked = check(request, "personalize");
  if (checked) return dated(200, {}, {{"x-amzn-RequestId", "0d5b8c9a"}});
  const personalize_events::Error& error = checked.error();
  return dated(error.http_status, json({{"message", error.message}}),
               {{"x-amzn-RequestId", "0d5b8c9a"}, {"x-amzn-ErrorType", error.code}});
}

inline CredentialWorld::Response CredentialWorld::sts(
    const personalize_events::HttpRequest& request) {
  const bool is_web = request.body.find("Action=AssumeRoleWithWebIdentity&") == 0;
  const std::string operation = is_web ? "AssumeRoleWithWebIdentity" : "AssumeRole";
  if (request.body.find("Action=" + operation + "&") != 0) return surprised(request, "STS");
  if (is_web &&
      request.body.find("&WebIdentityToken=" + secrets.web_identity) == std::string::npos) {
    return surprised(request, "token");
  }
  if (const auto checked = is_web ? personalize_events::Result<void>{} : check(request, "sts");
      !checked) {
    const std::string& code = checked.error().code;
    const bool is_signature = code == "InvalidSignatureException";
    return dated(403, "<ErrorResponse><Error><Code>" +
                          (is_signature ? std::string{"SignatureDoesNotMatch"} : code) +
                          "</Code></Error></ErrorResponse>");
  }
  const personalize_events::Credentials keys = issue(true);
  return dated(200, "<" + operation + "Response><" + operation +
                        "Result><AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/r/s"
                        "</Arn></AssumedRoleUser><Credentials><AccessKeyId>" +
                        keys.access_key_id + "</AccessKeyId><SecretAccessKey>" +
                        keys.secret_access_key + "</SecretAccessKey><SessionToken>" +
                        keys.session_token + "</SessionToken><Expiration>" +
                        personalize_events::detail::format_rfc3339(*keys.expiration) +
                        "</Expiration></Credentials></" + operation + "Result></" + operation +
                        "Response>");
}

inline CredentialWorld::Response CredentialWorld::sign_in(
    const personalize_events::HttpRequest& request) {
  const std::string* proof = personalize_events::find_header(request.headers, "DPoP");
  if (proof == nullptr) return surprised(request, "no proof");
  const std::size_t end = proof->rfind('.');
  if (!is_es256_signature(proof->substr(0, end), from_base64url(proof->substr(end + 1)))) {
    return surprised(request, "proof");
  }
  const personalize_events::Credentials keys = issue(true);
  return dated(200, R"({"accessToken":)" +
                        json({{"accessKeyId", keys.access_key_id},
                              {"secretAccessKey", keys.secret_access_key},
                              {"sessionToken", keys.session_token}}) +
                        R"(,"expiresIn":)" + std::to_string(lifetime.count()) +
                        R"(,"refreshToken":")" + secrets.refresh_token + "\"}");
}

inline CredentialWorld::Response CredentialWorld::cognito(
    const personalize_events::HttpRequest& request) {
  const std::string* target = personalize_events::find_header(request.headers, "X-Amz-Target");
  if (target != nullptr && *target == "AWSCognitoIdentityService.GetId") {
    return dated(200, json({{"IdentityId", "us-east-1:1111"}}));
  }
  const personalize_events::Credentials keys = issue(true);
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(keys.expiration->time_since_epoch());
  std::string text = json({{"AccessKeyId", keys.access_key_id},
                           {"SecretKey", keys.secret_access_key},
                           {"SessionToken", keys.session_token}});
  text.insert(1, R"("Expiration":)" + std::to_string(seconds.count()) + ".0,");
  return dated(200, R"({"IdentityId":"us-east-1:1111","Credentials":)" + text + "}");
}

inline CredentialWorld::Response CredentialWorld::metadata(
    const personalize_events::HttpRequest& request) {
  const std::string path = request.url.substr(std::string{"http://169.254.169.254"}.size());
  if (request.method == "PUT" && path == "/latest/api/token") {
    return dated(200, secrets.metadata_token, {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}});
  }
  const std::string* token =
      personalize_events::find_header(request.headers, "x-aws-ec2-metadata-token");
  if (token == nullptr || *token != secrets.metadata_token) return surprised(request, "token");
  const std::string folder = "/latest/meta-data/iam/security-credentials/";
  if (path == folder) return dated(200, "shop");
  if (path != folder + "shop") return surprised(request, "path");
  return dated(200, keys_text("Token"));
}

inline CredentialWorld::Response CredentialWorld::give_keys(
    const personalize_events::HttpRequest& request) {
  const auto begins = [&request](std::string_view start) { return request.url.find(start) == 0; };
  const auto has = [&request](std::string_view name, std::string_view value) {
    const std::string* header = personalize_events::find_header(request.headers, name);
    return header != nullptr && *header == value;
  };
  if (begins("https://sts.us-east-1.amazonaws.com/")) return sts(request);
  if (begins("https://us-east-1.signin.aws.amazon.com/v1/token")) return sign_in(request);
  if (begins("https://cognito-identity.us-east-1.amazonaws.com/")) return cognito(request);
  if (begins("http://169.254.169.254/")) return metadata(request);
  if (begins("https://oidc.us-east-1.amazonaws.com/token")) {
    std::string text =
        json({{"accessToken", secrets.sso_token}, {"refreshToken", secrets.refresh_token}});
    text.insert(1, R"("expiresIn":28800,)");
    return dated(200, text);
  }
  if (begins("https://portal.sso.us-east-1.amazonaws.com/federation/credentials?")) {
    if (!has("x-amz-sso_bearer_token", secrets.sso_token)) return surprised(request, "token");
    const personalize_events::Credentials keys = issue(true);
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(keys.expiration->time_since_epoch());
    std::string text = json({{"accessKeyId", keys.access_key_id},
                             {"secretAccessKey", keys.secret_access_key},
                             {"sessionToken", keys.session_token}});
    text.insert(1, R"("expiration":)" + std::to_string(milliseconds.count()) + ",");
    return dated(200, R"({"roleCredentials":)" + text + "}");
  }
  if (begins("http://169.254.170.2/keys") || begins("http://127.0.0.1:8080/keys")) {
    if (!has("authorization", secrets.container_token)) return surprised(request, "token");
    return dated(200, keys_text("Token"));
  }
  if (begins("https://device.credentials.iot.us-east-1.amazonaws.com/role-aliases/shop/")) {
    const personalize_events::Credentials keys = issue(true);
    return dated(
        200,
        R"({"credentials":)" +
            json({{"accessKeyId", keys.access_key_id},
                  {"secretAccessKey", keys.secret_access_key},
                  {"sessionToken", keys.session_token},
                  {"expiration", personalize_events::detail::format_rfc3339(*keys.expiration)}}) +
            "}");
  }
  return surprised(request, "URL");
}

}  // namespace test

#endif
