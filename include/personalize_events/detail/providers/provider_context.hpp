// SPDX-License-Identifier: Apache-2.0
//
// ProviderContext: what the credential providers use of the outside; each takes one as its last
// argument. ProviderReport: what a provider says of itself for explain(), without asking a service.
#ifndef PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROVIDER_CONTEXT_HPP
#define PERSONALIZE_EVENTS_DETAIL_PROVIDERS_PROVIDER_CONTEXT_HPP

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/signing/crypto.hpp"
#include "personalize_events/platform.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/transport.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN

/// What a credential provider uses of the outside. Members that a provider does not need are
/// ignored.
struct ProviderContext {
  /// Sends the requests to services. Empty: providers that need none work, others fail.
  std::shared_ptr<Transport> transport{};
  /// The environment, files and clocks. Empty: those of the system.
  std::shared_ptr<Platform> platform{};
  /// The profile of the shared files. Empty: AWS_PROFILE, then "default".
  std::string profile{};
  /// The region of AWS STS and AWS Sign-In. Empty: AWS_REGION, AWS_DEFAULT_REGION, then the
  /// profile's.
  std::string region{};
};

namespace detail {

/// What is known of a provider without asking a service or running a program.
struct ProviderReport {
  enum class State : std::uint8_t {
    NotConfigured,  ///< Nothing configures it: the chain goes on.
    Serves,         ///< It has credentials.
    Asks,           ///< It would ask a service or run a program.
    Wrong,          ///< It is configured and cannot serve: the chain ends.
  };

  State state{State::NotConfigured};
  std::string what{};   ///< Without secrets.
  std::string where{};  ///< The variable, or the file and line, that configures it.
};

/// The report of a provider that fails with `error`.
[[nodiscard]] inline ProviderReport report_of(const Error& error) {
  const bool is_meant = is_of_meant_source(error);
  return {is_meant ? ProviderReport::State::Wrong : ProviderReport::State::NotConfigured,
          error.message, is_meant ? error.where : std::string{}};
}

/// A provider of a chain: its name, what supplies its credentials, and its report.
struct ChainLink {
  const char* name;
  CredentialsProvider provider;
  std::function<ProviderReport()> report;
};

/// Whether a file can be read; its text is wiped.
[[nodiscard]] inline Result<void> check_secret_file(Result<std::string> text) {
  if (!text) return std::move(text).error();
  detail::wipe(*text);
  return {};
}

/// The report of a provider that reads a token from a file: `what`, and the reason if the file is
/// unusable.
[[nodiscard]] inline ProviderReport token_file_report(std::string what, const std::string& path,
                                                      const Result<void>& readable,
                                                      const std::string& where) {
  what.append(", with the token in ").append(path);
  if (readable) return {ProviderReport::State::Asks, std::move(what), where};
  what.append(readable.error().code == "NotFound" ? ", which does not exist"
                                                  : ", which " + readable.error().message);
  return {ProviderReport::State::Wrong, std::move(what), where};
}

/// An access key id as explain() shows it: its kind and its last four characters, "AKIA****1234".
/// Anything else is stars, because a secret may have been put in its place.
[[nodiscard]] inline std::string show_access_key_id(std::string_view id) {
  const auto allowed = [](char c) { return (c >= 'A' && c <= 'Z') || is_digit(c); };
  const bool looks_like_one =
      id.size() >= 16 && id.size() <= 32 && id.front() == 'A' && all_of(id, allowed);
  if (!looks_like_one) return "****";
  return std::string{id.substr(0, 4)}.append("****").append(id.substr(id.size() - 4));
}

/// "keys AKIA****1234, with a session token".
[[nodiscard]] inline std::string show_keys(const Credentials& keys) {
  return "keys " + show_access_key_id(keys.access_key_id) +
         (keys.session_token.empty() ? "" : ", with a session token");
}

}  // namespace detail

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
