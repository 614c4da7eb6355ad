// SPDX-License-Identifier: Apache-2.0
#include "support/tls_server.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <stdexcept>

namespace test {
namespace {

/// Starts openssl with these arguments in this folder, its standard output at `output`; the rest is
/// silent. Answers -1 when it cannot be started.
pid_t start_openssl(const std::vector<std::string>& arguments, int output,
                    const std::string& folder = ".") {
  std::vector<std::string> words{"openssl"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0)
    throw std::runtime_error{"posix_spawn_file_actions_init"};
  const bool planned =
      ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
      ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO) == 0 &&
      ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str()) == 0 &&
      ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0) == 0;
  pid_t process = -1;
  const bool started = planned && ::posix_spawnp(&process, "openssl", &actions, nullptr,
                                                 pointers.data(), environ) == 0;
  static_cast<void>(::posix_spawn_file_actions_destroy(&actions));
  return started ? process : -1;
}

/// Runs openssl to its end; true when it succeeds.
bool run_openssl(const std::vector<std::string>& arguments) {
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return false;
  const pid_t process = start_openssl(arguments, nowhere);
  static_cast<void>(::close(nowhere));
  int status = -1;
  return process > 0 && ::waitpid(process, &status, 0) == process && WIFEXITED(status) &&
         WEXITSTATUS(status) == 0;
}

std::string make_folder() {
  std::string path =
      (std::filesystem::temp_directory_path() / "personalize_events_tls_XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) throw std::runtime_error{"mkdtemp"};
  return path;
}

}  // namespace

bool has_openssl_command() { return run_openssl({"version"}); }

SelfSigned::SelfSigned() : folder_(make_folder()) {
  if (!run_openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-days", "2", "-subj", "/CN=personalize-events test", "-addext",
                    "subjectAltName=IP:127.0.0.1", "-keyout", key(), "-out", certificate()})) {
    throw std::runtime_error{"openssl req"};
  }
}

SelfSigned::SelfSigned(std::chrono::hours begins_in) : SelfSigned() {
  using std::chrono::seconds;
  using File = std::unique_ptr<BIO, decltype(&BIO_free)>;
  const auto open_file = [](const std::string& path, const char* mode) {
    return File{BIO_new_file(path.c_str(), mode), BIO_free};
  };
  const std::unique_ptr<X509, decltype(&X509_free)> signed_now{
      PEM_read_bio_X509(open_file(certificate(), "r").get(), nullptr, nullptr, nullptr), X509_free};
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> signer{
      PEM_read_bio_PrivateKey(open_file(key(), "r").get(), nullptr, nullptr, nullptr),
      EVP_PKEY_free};
  // The openssl command sets the begin of a certificate from version 3.4 on only.
  const auto set_time = [](ASN1_TIME* time, seconds from_now) {
    return time != nullptr && X509_gmtime_adj(time, static_cast<long>(from_now.count())) != nullptr;
  };
  const bool is_written =
      signed_now != nullptr && signer != nullptr &&
      set_time(X509_getm_notBefore(signed_now.get()), begins_in) &&
      set_time(X509_getm_notAfter(signed_now.get()), begins_in + std::chrono::hours{48}) &&
      X509_sign(signed_now.get(), signer.get(), EVP_sha256()) > 0 &&
      PEM_write_bio_X509(open_file(certificate(), "w").get(), signed_now.get()) == 1;
  if (!is_written) throw std::runtime_error{"a certificate of another time"};
}

SelfSigned::~SelfSigned() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string SelfSigned::expired_certificate() const {
  const std::string request = folder_ + "/request.pem";
  const std::string path = folder_ + "/expired.pem";
  if (!run_openssl({"req", "-new", "-key", key(), "-subj", "/CN=expired", "-out", request}) ||
      !run_openssl({"x509", "-req", "-in", request, "-CA", certificate(), "-CAkey", key(),
                    "-set_serial", "2", "-days", "-1", "-out", path})) {
    throw std::runtime_error{"openssl x509"};
  }
  return path;
}

std::string SelfSigned::encrypted_key() const {
  const std::string path = folder_ + "/encrypted_key.pem";
  if (!run_openssl({"ec", "-in", key(), "-aes128", "-passout", "pass:hello", "-out", path})) {
    throw std::runtime_error{"openssl ec"};
  }
  return path;
}

TlsServer::TlsServer(const SelfSigned& identity, const std::vector<std::string>& options) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
  output_ = ends[0];
  std::vector<std::string> arguments{
      "s_server", "-accept",     "127.0.0.1:0", "-cert", identity.certificate(),
      "-key",     identity.key()};
  arguments.insert(arguments.end(), options.begin(), options.end());
  process_ = start_openssl(arguments, ends[1], identity.folder());
  static_cast<void>(::close(ends[1]));
  if (process_ < 0) throw std::runtime_error{"openssl s_server"};

  // It says "ACCEPT 127.0.0.1:<port>" once it listens.
  std::string said;
  char byte = '\0';
  while (::read(output_, &byte, 1) == 1) {
    if (byte != '\n') {
      said += byte;
    } else if (said.compare(0, 7, "ACCEPT ") == 0) {
      port_ = std::atoi(said.substr(said.rfind(':') + 1).c_str());
      return;
    } else {
      said.clear();
    }
  }
  throw std::runtime_error{"openssl s_server ended"};
}

TlsServer::~TlsServer() {
  kill();
  static_cast<void>(::close(output_));
}

void TlsServer::kill() {
  if (process_ < 0) return;
  static_cast<void>(::kill(process_, SIGKILL));
  static_cast<void>(::waitpid(process_, nullptr, 0));
  process_ = -1;
}

}  // namespace test
