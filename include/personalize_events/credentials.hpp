// SPDX-License-Identifier: Apache-2.0
//
// Credentials, and CredentialsProvider: what signs a request, and what supplies it. Providers under
// providers/ read the AWS sources; an application may give any function of its own.
#ifndef PERSONALIZE_EVENTS_CREDENTIALS_HPP
#define PERSONALIZE_EVENTS_CREDENTIALS_HPP

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/wipe.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

struct Credentials;

/// Keeps credentials for later calls, and wants to know when a service refuses them. cached() is
/// one; a provider of an application's own that keeps what it gives can be another.
///
/// @par Thread Safety
/// `invalidate` may be called from any thread at the same time.
class CredentialsKeeper {
 public:
  virtual ~CredentialsKeeper() = default;

  /// A service refused `rejected`: they are not to be given again. Must not wait for a service.
  virtual void invalidate(const Credentials& rejected) = 0;
};

/// Keys of an AWS principal. Secrets: nothing in the library prints them, and the destructor wipes
/// them.
struct Credentials {
  std::string access_key_id;      ///< "AKIA..." of a user, "ASIA..." of a session
  std::string secret_access_key;  ///< never sent; requests are signed with it
  std::string session_token{};    ///< empty for long-term keys
  std::optional<std::chrono::system_clock::time_point>
      expiration{};          ///< absent: they do not expire
  std::string account_id{};  ///< twelve digits; empty where the source does not tell
  /// Who keeps them, if anybody does. The client tells it when the service refuses them.
  std::weak_ptr<CredentialsKeeper> keeper{};

  ~Credentials();
};

inline Credentials::~Credentials() {
  detail::wipe(access_key_id);
  detail::wipe(secret_access_key);
  detail::wipe(session_token);
}

/// What a provider is called with.
struct CredentialsRequest {
  /// How long the provider may take: what is left of the call that needs the credentials.
  std::chrono::milliseconds timeout{std::chrono::hours{24}};
  /// How far the service's clock is ahead of this machine's, as far as it is known. For providers
  /// that compare times or sign.
  std::chrono::milliseconds clock_offset{0};
};

/// Supplies credentials from a file, a service or a vault of the application: any function that
/// returns Result<Credentials>, with or without a parameter of type `const CredentialsRequest&`. It
/// may block; the client calls it through cached(), so seldom, and never twice at the same time.
/// One that takes the request should return within its timeout; the library's own providers do.
///
/// Clients and recorders call it on a thread of the library, with Driver::Manual on that of
/// run_once. They do not wait for it at their end: it must own what it uses. An exception that it
/// throws on a thread of the library ends the program.
///
/// @par Error Handling
/// An Error of kind Credentials (credentials_error makes one). One that is `retryable` is tried
/// again within the call, as a request is.
class CredentialsProvider {
  using WithRequest = std::function<Result<Credentials>(const CredentialsRequest&)>;
  using WithoutRequest = std::function<Result<Credentials>()>;

  template <class Function>
  static constexpr bool kTakesRequest =
      std::is_invocable_r_v<Result<Credentials>, Function&, const CredentialsRequest&>;
  template <class Function>
  struct IsProvider : std::bool_constant<kTakesRequest<Function> ||
                                         std::is_invocable_r_v<Result<Credentials>, Function&>> {};

 public:
  /// Holds no function.
  CredentialsProvider() = default;
  /// Holds no function.
  // NOLINTNEXTLINE(google-explicit-constructor): as std::function
  CredentialsProvider(std::nullptr_t) {}
  /// Holds a function; none if it is an empty std::function or a null pointer.
  template <class Function,
            std::enable_if_t<
                std::conjunction_v<std::negation<std::is_same<Function, CredentialsProvider>>,
                                   IsProvider<Function>>,
                int> = 0>
  // NOLINTNEXTLINE(google-explicit-constructor): as std::function
  CredentialsProvider(Function function) {
    if constexpr (kTakesRequest<Function>) {
      function_ = std::move(function);
    } else {
      if constexpr (std::is_pointer_v<Function> || std::is_same_v<Function, WithoutRequest>) {
        if (function == nullptr) return;
      }
      function_ = [function = std::move(function)](const CredentialsRequest&) mutable {
        return Result<Credentials>{function()};
      };
    }
  }

  /// Calls the function, which must exist.
  [[nodiscard]] Result<Credentials> operator()(const CredentialsRequest& request = {}) const {
    return function_(request);
  }

  /// Whether it holds a function.
  explicit operator bool() const noexcept { return static_cast<bool>(function_); }
  /// Whether it holds no function.
  friend bool operator==(const CredentialsProvider& provider, std::nullptr_t) noexcept {
    return !provider;
  }
  /// Whether it holds a function.
  friend bool operator!=(const CredentialsProvider& provider, std::nullptr_t) noexcept {
    return static_cast<bool>(provider);
  }

 private:
  WithRequest function_{};
};

/// The Error of a source that could not supply credentials. `message` says why, without a secret.
[[nodiscard]] inline Error credentials_error(std::string message) {
  return detail::make_error(ErrorKind::Credentials, "credentials", std::move(message));
}

namespace detail {

/// The Error of a source that has nothing to say: nothing tells that it was meant. A chain goes on
/// to the next. `source` is what a person calls it, "container" for example.
[[nodiscard]] inline Error silent_source(std::string source, std::string message) {
  return make_error(ErrorKind::Credentials, std::move(source), std::move(message));
}

/// The Error of a source that is configured, but wrongly: a chain stops at it rather than sign with
/// keys from elsewhere that nobody meant.
[[nodiscard]] inline Error misconfigured_source(std::string where, std::string message) {
  Error error = make_error(ErrorKind::Credentials, std::move(where), std::move(message));
  error.code = "MisconfiguredSource";
  return error;
}

/// The Error of a source that was meant and asked, and did not give credentials. A chain stops at
/// it, as at a misconfigured one.
[[nodiscard]] inline Error failed_source(std::string source, std::string message) {
  Error error = make_error(ErrorKind::Credentials, std::move(source), std::move(message));
  error.code = "FailedSource";
  return error;
}

/// Whether a source was meant, so that a chain must not go on to another.
[[nodiscard]] inline bool is_of_meant_source(const Error& error) {
  return error.code == "MisconfiguredSource" || error.code == "FailedSource";
}

/// Whether a character may stand in a key or a token, which become parts of headers.
[[nodiscard]] constexpr bool is_visible(char c) noexcept { return c > ' ' && c < '\x7f'; }

/// Why no request can be signed with credentials; none if it can. `names` are those that a user
/// knows the members by. Errors: Credentials, `where` is `provider`; the message names the member
/// and never shows its value.
[[nodiscard]] inline std::optional<Error> find_flaw(const Credentials& credentials,
                                                    const std::string& provider,
                                                    const std::array<const char*, 3>& names = {
                                                        "access_key_id", "secret_access_key",
                                                        "session_token"}) {
  const std::array<const std::string*, 3> members{
      &credentials.access_key_id, &credentials.secret_access_key, &credentials.session_token};
  for (std::size_t i = 0; i < members.size(); ++i) {
    const std::string& text = *members[i];
    if (text.empty() && members[i] != &credentials.session_token) {
      return misconfigured_source(provider, std::string{names[i]} + " is empty");
    }
    if (all_of(text, is_visible)) continue;
    const bool has_line_end = text.back() == '\n' || text.back() == '\r';
    return misconfigured_source(
        provider, std::string{names[i]}.append(
                      has_line_end ? " ends with a line break; remove the line break"
                                   : " has a blank, a control character or a character other than "
                                     "ASCII; copy it as AWS issued it"));
  }
  return std::nullopt;
}

}  // namespace detail

/// A provider of the same credentials at each call.
///
/// @par Error Handling
/// Credentials: a key is empty, or a member has a character that no header may have; `where` is
/// "static_credentials".
[[nodiscard]] inline CredentialsProvider static_credentials(const Credentials& credentials) {
  return [credentials]() -> Result<Credentials> {
    if (credentials.access_key_id.empty() || credentials.secret_access_key.empty()) {
      return credentials_error(
          "static_credentials was given an empty access key id or secret access key");
    }
    if (auto flaw = detail::find_flaw(credentials, "static_credentials")) return *std::move(flaw);
    return credentials;
  };
}

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
