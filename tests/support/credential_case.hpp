// SPDX-License-Identifier: Apache-2.0
//
// One case of the published suites of credential providers: a folder with the environment, the
// files and the HTTP traffic of a program that asks for credentials, and what it got.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_CREDENTIAL_CASE_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_CREDENTIAL_CASE_HPP

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/json/value.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "personalize_events/transport.hpp"

namespace test {

/// Answers as a recorded service did, and notes each request that differs from the recorded one.
/// Compared are the method, the URL (in any order of its query), the body's action, version and
/// names, the role where it is the case's own, and the headers that the service goes by. Not
/// compared are what another SDK puts in: user agents, session names, dates and signatures.
///
/// After the last recorded exchange it goes on with that one if it failed with 5xx: how often a
/// source is asked is each SDK's own affair.
class ReplayTransport final : public personalize_events::Transport {
 public:
  struct Exchange {
    personalize_events::HttpRequest request{};
    personalize_events::HttpResponse response{};
  };

  explicit ReplayTransport(const personalize_events::detail::json::Value& traffic);

  personalize_events::Result<personalize_events::HttpResponse> send(
      const personalize_events::HttpRequest& request) override;

  /// What differed, one sentence each.
  [[nodiscard]] const std::vector<std::string>& differences() const { return differences_; }
  /// How many exchanges were never asked for.
  [[nodiscard]] std::size_t left() const { return exchanges_.size() - next_; }

 private:
  void compare(const personalize_events::HttpRequest& asked,
               const personalize_events::HttpRequest& recorded);
  void differ(const std::string& what);

  std::vector<Exchange> exchanges_;
  std::size_t next_{0};
  std::vector<std::string> differences_;
};

/// A case in its virtual world, on a clock by which nothing has expired.
struct CredentialCase {
  /// `folder` is below the folder of the vectors.
  explicit CredentialCase(const std::filesystem::path& folder);

  std::string name;
  std::shared_ptr<personalize_events::testing::VirtualPlatform> platform;
  std::shared_ptr<ReplayTransport> transport;
  personalize_events::detail::json::Value expected;

  /// Whether the case ends with credentials.
  [[nodiscard]] bool succeeds() const { return expected.find("Ok") != nullptr; }

  /// Checks an answer and the traffic against the case. The errors of the suites are in the words
  /// of another SDK; `error_places` says for each case that fails where ours points to.
  void check(const personalize_events::Result<personalize_events::Credentials>& credentials,
             const std::map<std::string, std::string>& error_places) const;
};

}  // namespace test

#endif
