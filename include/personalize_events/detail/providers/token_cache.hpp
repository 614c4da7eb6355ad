// SPDX-License-Identifier: Apache-2.0
//
// TokenCache: the file in which the AWS CLI keeps what a login gave it, read, refreshed in time and
// written back. sso.hpp and login.hpp keep their tokens with it.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_TOKEN_CACHE_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_TOKEN_CACHE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/time.hpp"
#include "personalize_events/detail/config/profile_file.hpp"
#include "personalize_events/detail/http/secret.hpp"
#include "personalize_events/detail/json/reader.hpp"
#include "personalize_events/detail/json/writer.hpp"
#include "personalize_events/detail/platform/path_style.hpp"
#include "personalize_events/detail/platform/per_process.hpp"
#include "personalize_events/detail/providers/provider_context.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/detail/wire/properties.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace detail {

/// A token with less than this left is refreshed.
inline constexpr std::chrono::minutes kTokenRefreshWindow{5};
/// One cache tries a refresh no more often than this.
inline constexpr std::chrono::seconds kTokenRefreshPause{30};

/// The content of a token file. Wiped when it is destroyed.
struct Token {
  Token(detail::json::Value value, detail::crypto::Digest digest)
      : tree(std::move(value)), file(digest) {}
  Token(const Token&) = default;
  Token(Token&&) noexcept = default;
  Token& operator=(const Token&) = delete;
  Token& operator=(Token&&) = delete;
  ~Token() { detail::wipe(tree); }

  detail::json::Value tree;
  detail::crypto::Digest file;  ///< SHA-256 of the file that it comes from.
  TimePoint expires{};
  std::optional<Error> expired{};  ///< Why it is of no use, if its service finds it expired too.
};

/// The report of a provider that reads a token from a cache of the AWS CLI. A cache that others may
/// read serves, but is reported.
[[nodiscard]] inline ProviderReport report_token_cache(Platform& platform, std::string what,
                                                       const std::string& path,
                                                       const std::string& where) {
  const Result<void> is_private = check_secret_file(platform.read_private_file(path));
  const Result<void> readable = check_secret_file(platform.read_file(path));
  ProviderReport report = token_file_report(std::move(what), path, readable, where);
  if (readable && !is_private) report.what.append(", which ").append(is_private.error().message);
  return report;
}

/// The Error of a token file that cannot be used. `command` writes it anew.
[[nodiscard]] inline Error unusable_token(const std::string& path, std::string what,
                                          const char* command) {
  return failed_source(path, std::move(what.append("; run ").append(command)));
}

/// The folder `.aws/<name>/cache` in the home folder, with a separator at its end. Errors:
/// Credentials, when the environment names no home folder.
[[nodiscard]] inline Result<std::string> token_folder(Platform& platform, const char* name,
                                                      PathStyle style = kNativePathStyle) {
  const char* separator = style == PathStyle::Windows ? "\\" : "/";
  std::string folder = find_home(platform, style);
  if (folder.empty()) {
    return misconfigured_source(
        "HOME", "not set, and the cache of tokens is in the home folder; set it to that folder");
  }
  for (const char* part : {".aws", name, "cache"}) folder.append(separator).append(part);
  return folder.append(separator);
}

/// The text of a member that must be a string with something in it; null when it is not.
[[nodiscard]] inline const std::string* find_text(const detail::json::Value& object,
                                                  std::string_view key) {
  const std::string* text = object.find_string(key);
  return text == nullptr || text->empty() ? nullptr : text;
}

/// The text of a member; empty when it is no string.
[[nodiscard]] inline std::string_view text_of(const detail::json::Value& object,
                                              std::string_view key) {
  const std::string* text = object.find_string(key);
  return text == nullptr ? std::string_view{} : std::string_view{*text};
}

/// Sets a member to a string, in its place where it is there already, else at the end.
inline void set_text(detail::json::Value& object, std::string_view key, std::string_view text) {
  detail::json::Value* member = nullptr;
  for (auto& [name, value] : object.members) {
    if (member == nullptr && name == key) member = &value;
  }
  if (member == nullptr) member = &object.members.emplace_back(key, detail::json::Value{}).second;
  detail::wipe(*member);
  *member = detail::json::Value{};
  member->type = detail::json::Value::Type::String;
  member->text = text;
}

/// How long a token lives, from a member in seconds; nothing when that is no sensible number.
[[nodiscard]] inline std::optional<std::chrono::seconds> lifetime_of(
    const detail::json::Value& answer, std::string_view key) {
  constexpr double longest = 10.0 * 366 * 86400;
  const detail::json::Value* member = answer.find(key);
  if (member == nullptr || !member->is(detail::json::Value::Type::Number)) return std::nullopt;
  const std::optional<double> seconds = parse_double(member->text);
  if (!seconds || *seconds < 1 || *seconds > longest) return std::nullopt;
  return std::chrono::seconds{static_cast<std::int64_t>(*seconds)};
}

/// The most bytes that a tree takes as JSON text.
[[nodiscard]] inline std::size_t longest_text(const detail::json::Value& value) {
  constexpr std::size_t longest_escape = 6;
  std::size_t size = longest_escape * value.text.size() + 8;
  for (const detail::json::Value& item : value.items) size += longest_text(item);
  for (const auto& [name, member] : value.members) {
    size += longest_escape * name.size() + 4 + longest_text(member);
  }
  return size;
}

/// A tree as JSON text, in memory that never moved; empty when it cannot be written. The caller
/// wipes it.
[[nodiscard]] inline std::string text_of(const detail::json::Value& value) {
  std::string text;
  text.reserve(longest_text(value));
  detail::json::Writer writer(text);
  detail::wire::write_json(writer, value);
  if (!writer.good()) detail::wipe(text);
  return text;
}

/// Keeps the token of one login. `Login` says what differs between the kinds:
///
///     static constexpr const char* kCommand;               // what a person runs to log in
///     std::string path;                                    // of the file
///     bool is_for_service(const json::Value&) const;       // whether its service is to judge an
///                                                          // expired token that was not refreshed
///     TimePoint now() const;                               // by the service's clock
///     Result<TimePoint> expiry(const json::Value&) const;  // of the token
///     Result<void> refresh(json::Value&) const;            // asks for a new token and puts it in
///
/// @par Thread Safety
/// Any thread; one at a time refreshes.
template <class Login>
class TokenCache {
 public:
  explicit TokenCache(std::shared_ptr<Platform> platform) : platform_(std::move(platform)) {}

  /// A token that has not expired, or one that its service is to judge. The file is read at
  /// each call: a person may have logged in again.
  ///
  /// @par Error Handling
  /// Credentials, `where` is the file: it is absent, unreadable, malformed, or its token has
  /// expired and cannot be refreshed. A failed refresh of a token that is still valid is no error,
  /// nor is a file that cannot be written: the new token is then kept here.
  [[nodiscard]] Result<Token> get(const Login& login) {
    State& state = state_.own([] { return std::make_unique<State>(); });
    const std::lock_guard<std::mutex> lock(state.mutex);
    Result<Token> current = read(state, login);
    if (!current || current->expires >= login.now() + kTokenRefreshWindow) return current;

    if (may_refresh(state)) {
      Result<Token> refreshed = refresh(state, login, *current);
      if (refreshed) return refreshed;
      state.failure = std::move(refreshed).error();
      // A refresh token may serve only once, and another process may have been quicker with it.
      Result<Token> again = read(state, login);
      if (again && again->expires > current->expires && again->expires > login.now()) {
        return again;
      }
    }
    if (current->expires > login.now()) return current;
    Error error = expired(state, login);
    if (!login.is_for_service(current->tree)) return error;
    current->expired = std::move(error);
    return current;
  }

 private:
  struct State {
    std::mutex mutex{};
    std::optional<Token> unsaved{};
    std::optional<Error> failure{};  ///< Of the refresh that was tried last.
    std::optional<std::chrono::steady_clock::time_point> tried_at{};
  };

  [[nodiscard]] bool may_refresh(State& state) const {
    const auto now = platform_->steady_now();
    if (state.tried_at && now - *state.tried_at < kTokenRefreshPause) return false;
    state.tried_at = now;
    state.failure.reset();
    return true;
  }

  [[nodiscard]] Result<Token> read(State& state, const Login& login) const {
    // Also one that others may read: some file systems (WSL, Docker Desktop) know no other mode.
    Result<std::string> text = platform_->read_file(login.path);
    if (!text && text.error().code == "NotFound") {
      return unusable_token(login.path, text.error().message, Login::kCommand);
    }
    if (!text) return failed_source(login.path, text.error().message);
    const detail::WipedAtEnd<std::string> wipe{*text};
    const Result<detail::crypto::Digest> digest = detail::crypto::Sha256{}.digest(*text);
    if (!digest) return failed_source(login.path, digest.error().message);
    if (state.unsaved && state.unsaved->file == *digest) {
      Token token{*state.unsaved};
      save(state, login, token);
      return token;
    }
    state.unsaved.reset();  // somebody else has written the file since

    Result<detail::json::Value> parsed = detail::json::parse(*text);
    if (!parsed) return unusable_token(login.path, parsed.error().message, Login::kCommand);
    Token token{*std::move(parsed), *digest};
    if (!token.tree.is(detail::json::Value::Type::Object)) {
      return unusable_token(login.path, "not a JSON object", Login::kCommand);
    }
    return dated(login, std::move(token));
  }

  [[nodiscard]] Result<Token> refresh(State& state, const Login& login,
                                      const Token& current) const {
    Token next{current};
    const Result<void> refreshed = login.refresh(next.tree);
    if (!refreshed) return refreshed.error();
    Result<Token> token = dated(login, std::move(next));
    if (token) save(state, login, *token);
    return token;
  }

  [[nodiscard]] static Result<Token> dated(const Login& login, Token token) {
    const Result<TimePoint> expires = login.expiry(token.tree);
    if (!expires) return expires.error();
    token.expires = *expires;
    return token;
  }

  /// Writes the file. If that fails the token stays here, with its refresh token, which nobody else
  /// has and without which a person would have to log in again.
  void save(State& state, const Login& login, const Token& token) const {
    std::string text = text_of(token.tree);
    const detail::WipedAtEnd<std::string> wipe{text};
    const bool saved = !text.empty() && platform_->replace_file(login.path, text).has_value();
    state.unsaved.reset();
    if (!saved) state.unsaved.emplace(token);
  }

  [[nodiscard]] static Error expired(const State& state, const Login& login) {
    std::string what{"its token has expired"};
    if (!state.failure) return unusable_token(login.path, std::move(what), Login::kCommand);
    what.append(" and was not refreshed: ").append(state.failure->where).append(": ");
    Error error = unusable_token(login.path, what.append(state.failure->message), Login::kCommand);
    error.retryable = state.failure->retryable;
    error.http_status = state.failure->http_status;
    return error;
  }

  std::shared_ptr<Platform> platform_;
  PerProcess<State> state_{};  // a forked child may not wait for a lock of its parent
};

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
