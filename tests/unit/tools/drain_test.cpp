// SPDX-License-Identifier: Apache-2.0

#include "spool/drain.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"
#include "spool_world.hpp"
#include "support/temporary_folder.hpp"

namespace pe = personalize_events;

namespace {

/// On the boot-time clock of this machine.
std::int64_t hours_ago(int hours) {
  const auto then = pe::system_platform()->boot_now() - std::chrono::hours{hours};
  return std::chrono::duration_cast<std::chrono::milliseconds>(then).count();
}

/// The header of a process of this boot.
pe::detail::spool::SegmentHeader header_of(const std::string& tracking_id = "tracker") {
  return test::spool_header(tracking_id, pe::system_platform()->boot_identity());
}

tools::spool::Drain drain(const std::string& directory,
                          const std::shared_ptr<pe::testing::FakeTransport>& transport,
                          std::chrono::milliseconds timeout = std::chrono::minutes{1}) {
  pe::ClientOptions client;
  client.region = "us-east-1";
  client.endpoint_url = "http://127.0.0.1:9";
  client.credentials = pe::static_credentials({"id", "secret"});
  client.async_transport = transport;
  pe::RecorderOptions options = pe::RecorderOptions::server("tracker");
  options.spool = tools::spool::drain_spool(directory, "", std::chrono::hours{10});
  auto recorder = pe::make_recorder(std::move(options), pe::AsyncClient{std::move(client)});
  REQUIRE(recorder);
  pe::detail::SystemFiles files;
  const auto drained = tools::spool::drain(*std::move(recorder), files, directory, timeout);
  REQUIRE(drained);
  return *drained;
}

}  // namespace

TEST_CASE("a drain sends what is young enough and of its scope, and lists the rest") {
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  pe::detail::SystemFiles files;
  test::leave_events(files, directory + "/w-00000001-0a",
                     {hours_ago(20), hours_ago(2), hours_ago(1)}, header_of());
  test::leave_events(files, directory + "/w-00000002-0a", {hours_ago(1)}, header_of("other"));
  REQUIRE(files.make_folder(directory + "/w-00000003-0a"));
  test::put_file(files, directory + "/w-00000003-0a/LOCK", test::newer_segment());
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  const tools::spool::Drain drained = drain(directory, transport);
  CHECK(drained.delivered == 2);
  CHECK(drained.rejected == 0);
  CHECK(drained.expired == 1);
  CHECK(drained.left == 1);
  CHECK(tools::spool::drain_json(drained) ==
        "{\"delivered\":2,\"rejected\":0,\"expired\":1,\"left\":1}\n");
  CHECK(tools::spool::drain_text(drained) ==
        "delivered  2\nrejected   0\nexpired    1\nleft       1\n"
        "  w-00000002-0a: 1 event of other us-east-1 http://127.0.0.1:9\n"
        "  w-00000003-0a: another format version\n");
  CHECK(*files.list_folder(directory) ==
        std::vector<std::string>{"w-00000002-0a", "w-00000003-0a"});
}

TEST_CASE("a drain leaves what could not be sent in time") {
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  pe::detail::SystemFiles files;
  test::leave_events(files, directory + "/w-00000001-0a", {hours_ago(2), hours_ago(1)},
                     header_of());
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  transport->hold();
  const tools::spool::Drain drained = drain(directory, transport, std::chrono::milliseconds{50});
  CHECK(drained.delivered == 0);
  CHECK(drained.left == 2);
  CHECK(drain(directory, std::make_shared<pe::testing::FakeTransport>()).delivered == 2);
}

TEST_CASE("what the service refuses is rejected, and not left") {
  const test::TemporaryFolder folder;
  const std::string directory = folder / "spool";
  pe::detail::SystemFiles files;
  test::leave_events(files, directory + "/w-00000001-0a", {hours_ago(1)}, header_of());
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  pe::HttpResponse refused{400};
  refused.headers = {{"x-amzn-ErrorType", "InvalidInputException"}};
  transport->reply(refused);
  const tools::spool::Drain drained = drain(directory, transport);
  CHECK(drained.rejected == 1);
  CHECK(drained.left == 0);
}
