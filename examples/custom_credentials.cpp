// SPDX-License-Identifier: Apache-2.0
//
// Credentials from a source of your own: any function that answers Credentials will do. Here it is
// a file that a vault's agent renews, of four lines: access key id, secret access key, session
// token (may be empty), expiration in seconds since 1970.
//
//   VAULT_FILE=/run/vault/aws AWS_REGION=eu-west-1 ./custom_credentials TRACKING_ID
#include <personalize_events/personalize_events.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace pe = personalize_events;

int fail(const pe::Error& error) {
  std::fprintf(stderr, "%s\n", pe::to_string(error).c_str());
  return 1;
}

//! [provider]
pe::Result<pe::Credentials> read_vault_file() {
  const char* path = std::getenv("VAULT_FILE");
  if (path == nullptr) return pe::credentials_error("VAULT_FILE is not set");
  std::puts("reading the vault file");

  pe::Credentials credentials;
  long long expiration = 0;
  std::ifstream file(path);
  std::getline(file, credentials.access_key_id);
  std::getline(file, credentials.secret_access_key);
  std::getline(file, credentials.session_token);
  file >> expiration;
  if (!file) {
    pe::Error error = pe::credentials_error("the vault file is missing or cut short");
    error.retryable = true;  // the agent may be writing it just now
    return error;
  }
  credentials.expiration = std::chrono::system_clock::time_point{std::chrono::seconds{expiration}};
  return credentials;
}
//! [provider]

int main(int argc, char** argv) {
  //! [options]
  pe::ClientOptions options;
  options.credentials = [] { return read_vault_file(); };
  auto client = pe::make_client(options);
  if (!client) return fail(client.error());
  //! [options]

  // The client asks once and keeps the answer until shortly before it expires.
  for (const char* item : {"movie-1", "movie-2", "movie-3"}) {
    pe::Event watch{"Watch"};
    watch.item_id = item;
    pe::PutEventsRequest request{argc > 1 ? argv[1] : "tracking-id", "session-1", {watch}};
    auto sent = client->put_events(request);
    if (!sent) return fail(sent.error());
    std::printf("sent %s\n", item);
  }
  return 0;
}
