// SPDX-License-Identifier: Apache-2.0
//
// TlsServer: `openssl s_server` as a child process, with a certificate of its own making for
// 127.0.0.1, for tests of the transports over TLS.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_TLS_SERVER_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_TLS_SERVER_HPP

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace test {

/// Whether the openssl command can be started.
bool has_openssl_command();

/// A folder with `certificate.pem` and `key.pem`: a self-signed certificate for 127.0.0.1, which is
/// its own authority. Removed at the end.
class SelfSigned {
 public:
  /// Valid for two days from now on.
  SelfSigned();
  /// Valid for two days, which begin so much later; with a negative time, earlier.
  explicit SelfSigned(std::chrono::hours begins_in);
  ~SelfSigned();
  SelfSigned(const SelfSigned&) = delete;
  SelfSigned& operator=(const SelfSigned&) = delete;

  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string certificate() const { return folder_ + "/certificate.pem"; }
  [[nodiscard]] std::string key() const { return folder_ + "/key.pem"; }
  /// Issues a certificate for the same key that has expired, and returns its path.
  [[nodiscard]] std::string expired_certificate() const;
  /// Encrypts a copy of the key with a password, and returns its path.
  [[nodiscard]] std::string encrypted_key() const;
  /// The path of a file of this folder that does not exist.
  [[nodiscard]] std::string missing() const { return folder_ + "/missing.pem"; }

 private:
  std::string folder_;
};

/// Answers every GET with a page, over TLS, or with `-HTTP` with the whole response that is in a
/// file of the identity's folder. The destructor kills it.
class TlsServer {
 public:
  /// `options` are more options of `openssl s_server`.
  explicit TlsServer(const SelfSigned& identity,
                     const std::vector<std::string>& options = {"-www"});
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  /// "https://127.0.0.1:<port>/".
  [[nodiscard]] std::string url() const {
    return "https://127.0.0.1:" + std::to_string(port_) + "/";
  }
  [[nodiscard]] int port() const { return port_; }
  /// Ends it now, with its connections.
  void kill();

 private:
  pid_t process_{-1};
  int output_{-1};
  int port_{0};
};

}  // namespace test

#endif
