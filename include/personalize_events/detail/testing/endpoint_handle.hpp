// SPDX-License-Identifier: Apache-2.0
//
// LocalEndpoint without the server inside: for headers, and for test files that use an endpoint
// which another file starts. Boost.Beast takes ten seconds to compile, so a test suite does well to
// include local_endpoint.hpp, which has LocalEndpoint::start, in one file only.
#ifndef PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_HANDLE_HPP
#define PERSONALIZE_EVENTS_DETAIL_TESTING_ENDPOINT_HANDLE_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "personalize_events/credentials.hpp"
#include "personalize_events/detail/testing/endpoint_faults.hpp"
#include "personalize_events/detail/testing/endpoint_records.hpp"
#include "personalize_events/detail/testing/endpoint_service.hpp"
#include "personalize_events/result.hpp"

PERSONALIZE_EVENTS_NAMESPACE_BEGIN
namespace testing {

namespace endpoint {

/// Puts an EndpointService on a port. Its destructor closes the port and all connections, and
/// waits for its thread.
class Server {
 public:
  Server() = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  virtual ~Server() = default;
};

}  // namespace endpoint

/// A Personalize Events endpoint on 127.0.0.1, over plain HTTP/1.1, with a thread of its own. It
/// answers any client that speaks the protocol, as EndpointService says, and keeps what it took.
///
///     auto endpoint = pe::testing::LocalEndpoint::start();
///     pe::ClientOptions options;
///     options.endpoint_url = endpoint->url();
///     options.region = endpoint->region();
///     options.credentials = pe::static_credentials(endpoint->credentials());
///
/// What goes wrong is said by `LocalEndpointOptions::faults` and `add_fault`; the requests under
/// `/_local/` (EndpointControl) do the same from outside, and tell what arrived.
///
/// Connections are kept alive, many hundred at once. A request has at most 16 KiB of head and 1 MiB
/// of body; `Expect: 100-continue` is answered.
///
/// @par Thread Safety
/// Every member but `stop` may be called from any thread at the same time. An endpoint that was
/// moved from may only be assigned to or destroyed.
class LocalEndpoint {
 public:
  /// Listens, and returns when connections are taken. Defined in local_endpoint.hpp.
  ///
  /// @par Error Handling
  /// Configuration: the port cannot be listened on, for example because another program does.
  [[nodiscard]] static inline Result<LocalEndpoint> start(LocalEndpointOptions options = {});

  /// "http://127.0.0.1:PORT".
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// The port it listens on.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// What requests must be signed with.
  [[nodiscard]] Credentials credentials() const { return service_->options().credentials; }
  /// What requests must be signed for.
  [[nodiscard]] std::string region() const { return service_->options().region; }

  /// Copies of what was taken so far, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEvent> events() const { return service_->records().events(); }
  /// Copies of what was taken so far, in order of arrival.
  [[nodiscard]] std::vector<AcceptedActionInteraction> action_interactions() const {
    return service_->records().action_interactions();
  }
  /// Copies of what was taken so far, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEntity<User>> users() const {
    return service_->records().users();
  }
  /// Copies of what was taken so far, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEntity<Item>> items() const {
    return service_->records().items();
  }
  /// Copies of what was taken so far, in order of arrival.
  [[nodiscard]] std::vector<AcceptedEntity<Action>> actions() const {
    return service_->records().actions();
  }
  /// Copies of all requests so far, taken and refused, with what was answered.
  [[nodiscard]] std::vector<SeenRequest> requests() const { return service_->records().requests(); }
  /// The counts so far.
  [[nodiscard]] EndpointSummary summary() const { return service_->records().summary(); }

  /// Waits until so many events were taken since the start or the last reset; false when `timeout`
  /// is over first.
  [[nodiscard]] bool wait_for(std::size_t count, std::chrono::milliseconds timeout) const {
    return service_->records().wait_for(count, timeout);
  }

  /// Adds a fault rule after all others, for the requests to come.
  void add_fault(FaultRule rule) { service_->add_fault(std::move(rule)); }
  /// Takes all fault rules away, those of the options too.
  void clear_faults() { service_->clear_faults(); }
  /// Forgets what was kept, and counts from zero; the fault rules stay.
  void reset() { service_->reset(); }

  /// Closes the port and all connections at once, and waits for the thread; as the destructor does.
  /// What was kept stays. Not from within `on_accepted`.
  void stop() { server_.reset(); }

 private:
  LocalEndpoint(std::shared_ptr<EndpointService> service, std::unique_ptr<endpoint::Server> server,
                std::uint16_t port)
      : service_(std::move(service)), server_(std::move(server)), port_(port) {}

  std::shared_ptr<EndpointService> service_;
  std::unique_ptr<endpoint::Server> server_;
  std::uint16_t port_;
};

}  // namespace testing

PERSONALIZE_EVENTS_NAMESPACE_END

#endif
