// SPDX-License-Identifier: Apache-2.0
//
// What tests of the instance metadata share: a virtual world in which the service answers by a
// script, and a service on a real socket.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_METADATA_WORLD_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_METADATA_WORLD_HPP

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/detail/providers/source.hpp"
#include "personalize_events/result.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "personalize_events/testing/virtual_platform.hpp"
#include "personalize_events/transport.hpp"
#include "support/raw_server.hpp"

namespace test {

inline const char* metadata_token() { return "SESSION-TOKEN-OF-THE-METADATA-SERVICE=="; }

inline const char* metadata_keys() {
  return R"({"Code":"Success","LastUpdated":"2025-12-31T23:00:00Z","Type":"AWS-HMAC",)"
         R"("AccessKeyId":"AKID","SecretAccessKey":"SECRET-KEY","Token":"TOKEN-TEXT",)"
         R"("Expiration":"2026-01-01T06:00:00Z"})";
}

/// An answer with a token that is good for so many seconds.
inline personalize_events::HttpResponse metadata_token_answer(
    const std::string& text = metadata_token(), const std::string& seconds = "21600") {
  return {200, {{"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", seconds}}, text};
}

/// A failure of the transport.
inline personalize_events::Error metadata_silence(
    bool connected, personalize_events::ErrorKind kind = personalize_events::ErrorKind::Timeout) {
  auto error = personalize_events::detail::make_error(kind, "169.254.169.254:80", "nothing came");
  error.retryable = true;
  error.connected = connected;
  return error;
}

struct MetadataWorld {
  std::shared_ptr<personalize_events::testing::VirtualPlatform> platform =
      std::make_shared<personalize_events::testing::VirtualPlatform>();
  std::shared_ptr<personalize_events::testing::FakeTransport> transport =
      std::make_shared<personalize_events::testing::FakeTransport>();

  /// The service answers in this order, the last one for ever.
  explicit MetadataWorld(
      std::vector<personalize_events::Result<personalize_events::HttpResponse>> replies = {}) {
    platform->set_environment("HOME", "/home/user");
    for (auto& reply : replies) transport->reply(std::move(reply));
  }
  void set(const std::string& name, const std::string& value) const {
    platform->set_environment(name, value);
  }
  void set_config(const std::string& text) const {
    platform->set_file("/home/user/.aws/config", text);
  }
  [[nodiscard]] personalize_events::detail::SourceContext context() const {
    return personalize_events::detail::SourceContext{{transport, platform}};
  }
  /// "PUT <url>" and the like of every request so far.
  [[nodiscard]] std::vector<std::string> asked() const {
    std::vector<std::string> lines;
    for (const auto& request : transport->requests()) {
      lines.push_back(request.method + " " + request.url);
    }
    return lines;
  }
};

/// A script that plays the service on a real socket: a token, the role "web+role", keys, a region.
inline RawServer::Script play_metadata_service() {
  return [](RawConnection& connection) {
    for (std::string request = connection.read_request(); !request.empty();
         request = connection.read_request()) {
      const auto is = [&request](const std::string& line) {
        return request.substr(0, line.size()) == line;
      };
      std::string answer = http_response(404, "");
      const bool has_token = request.find(std::string{"\r\nx-aws-ec2-metadata-token: "} +
                                          metadata_token() + "\r\n") != std::string::npos;
      if (is("PUT /latest/api/token HTTP/1.1\r\n")) {
        answer =
            http_response(200, metadata_token(), "X-aws-ec2-metadata-token-ttl-seconds: 21600\r\n");
      } else if (!has_token) {
        answer = http_response(401, "");
      } else if (is("GET /latest/meta-data/iam/security-credentials/ HTTP/1.1\r\n")) {
        answer = http_response(200, "web+role");
      } else if (is("GET /latest/meta-data/iam/security-credentials/web%2Brole HTTP/1.1\r\n")) {
        answer = http_response(200, metadata_keys());
      } else if (is("GET /latest/meta-data/placement/region HTTP/1.1\r\n")) {
        answer = http_response(200, "eu-west-3");
      }
      if (!connection.send(answer)) return;
    }
  };
}

/// A script that accepts, reads and never answers.
inline RawServer::Script never_answer() {
  return [](RawConnection& connection) {
    static_cast<void>(connection.read_request());
    static_cast<void>(connection.wait_for_release());
  };
}

}  // namespace test

#endif
