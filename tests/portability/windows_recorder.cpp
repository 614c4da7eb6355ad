// SPDX-License-Identifier: Apache-2.0
//
// What check_windows_sockets.py runs under Wine. Region, endpoint and credentials come from the
// environment.
//
//   windows_recorder record DIRECTORY NAME   records until it is killed; prints its process ID, and
//                                            the ID of each event once it was accepted, one a line
//   windows_recorder send DIRECTORY NAME     records 20 events and closes the recorder
//   windows_recorder drain DIRECTORY         delivers what the spool holds
//   windows_recorder trust FILE              adds a DER certificate to the user's root store
#include <personalize_events/personalize_events.hpp>

#include <windows.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
// After windows.h.
#include <wincrypt.h>

namespace pe = personalize_events;

namespace {

int fail(const pe::Error& error) {
  std::fprintf(stderr, "%s\n", pe::to_string(error).c_str());
  return 1;
}

int trust(const std::string& path) {
  const auto certificate = pe::detail::SystemPlatform{}.read_file(path);
  if (!certificate) return fail(certificate.error());
  const HCERTSTORE store =
      ::CertOpenStore(CERT_STORE_PROV_SYSTEM_W, 0, 0, CERT_SYSTEM_STORE_CURRENT_USER, L"ROOT");
  if (store == nullptr) return 1;
  const BOOL added = ::CertAddEncodedCertificateToStore(
      store, X509_ASN_ENCODING, reinterpret_cast<const BYTE*>(certificate->data()),
      static_cast<DWORD>(certificate->size()), CERT_STORE_ADD_REPLACE_EXISTING, nullptr);
  const BOOL closed = ::CertCloseStore(store, 0);
  return added != 0 && closed != 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string mode = argv[1];
  if (mode == "trust") return trust(argv[2]);
  if (mode != "drain" && argc < 4) return 2;

  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.linger = std::chrono::milliseconds{5};
  options.spool.emplace();
  options.spool->directory = argv[2];
  options.spool->min_free_bytes = 0;
  options.on_fault = [](const pe::Fault& fault) {
    if (!fault.cleared) std::fprintf(stderr, "FAULT %s\n", pe::to_string(fault.error).c_str());
  };
  auto recorder = pe::make_recorder(options);
  if (!recorder) return fail(recorder.error());

  if (mode != "drain") {
    std::printf("%lu\n", ::GetCurrentProcessId());
    const std::string name = argv[3];
    for (std::uint64_t i = 0; mode == "record" || i < 20; ++i) {
      pe::Event event{"Watch"};
      event.event_id = name + "-" + std::to_string(i);
      const std::string line = *event.event_id + "\n";
      if (!recorder->record({name + "-" + std::to_string(i % 3)}, std::move(event))) continue;
      if (std::fputs(line.c_str(), stdout) < 0 || std::fflush(stdout) != 0) return 3;
    }
  }
  const auto closed = recorder->close(std::chrono::seconds{120});
  if (!closed.complete) std::fprintf(stderr, "the recorder did not deliver all\n");
  return closed.complete ? 0 : 1;
}
