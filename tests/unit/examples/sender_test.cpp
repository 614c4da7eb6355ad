// SPDX-License-Identifier: Apache-2.0

#include "send_events/sender.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "catch.hpp"
#include "personalize_events/testing/fake_transport.hpp"

namespace pe = personalize_events;
using send_events::Batch;
using send_events::Report;
using send_events::Sender;
using send_events::Summary;

namespace {

/// Answers by the body: 400 to a request with an item that the service does not like.
class PickyTransport : public pe::Transport {
 public:
  pe::Result<pe::HttpResponse> send(const pe::HttpRequest& request) override {
    ++requests;
    if (request.body.find("disliked") == std::string::npos) return pe::HttpResponse{200};
    return pe::HttpResponse{400, {{"x-amzn-ErrorType", "InvalidInputException"}}, "{}"};
  }
  int requests{0};
};

send_events::Put put_over(std::shared_ptr<pe::Transport> transport) {
  pe::ClientOptions options;
  options.region = "us-east-1";
  options.endpoint_url = "http://127.0.0.1:1";
  options.credentials = pe::static_credentials({"key", "secret"});
  options.transport = std::move(transport);
  options.retry.max_attempts = 1;
  return [client = pe::Client(options)](const pe::PutEventsRequest& request) -> pe::Result<void> {
    const auto sent = client.put_events(request);
    return sent ? pe::Result<void>{} : sent.error();
  };
}

Batch batch_of_ten() {
  Batch batch;
  batch.request.tracking_id = "tracker";
  batch.request.session_id = "session";
  for (std::size_t line = 2; line < 12; ++line) {
    pe::Event event{"Watch"};
    event.item_id = "item";
    batch.request.event_list.push_back(event);
    batch.origins.push_back({line, line - 2, 4, "row"});
  }
  return batch;
}

}  // namespace

TEST_CASE("a good batch is one request") {
  const auto transport = std::make_shared<PickyTransport>();
  Report report(false);
  report.begin_sending({}, 10, 0);
  report.read(10, 0);
  Sender sender(put_over(transport), report);
  sender.send(batch_of_ten());
  CHECK(report.finish().sent == 10);
  CHECK(transport->requests == 1);
}

TEST_CASE("a row that breaks the model falls alone, and no request is spent on it") {
  const auto transport = std::make_shared<PickyTransport>();
  Report report(false);
  report.begin_sending({}, 10, 0);
  report.read(10, 0);
  Sender sender(put_over(transport), report);
  Batch batch = batch_of_ten();
  batch.request.event_list[3].item_id = std::string(301, 'x');
  sender.send(std::move(batch));
  const Summary summary = report.finish();
  CHECK(summary.sent == 9);
  CHECK(summary.rejected == 1);
  CHECK(transport->requests == 4);  // of 5, 2, 1 and 1 events
}

TEST_CASE("rows that the service refuses fall alone") {
  const auto transport = std::make_shared<PickyTransport>();
  Report report(false);
  report.begin_sending({}, 10, 0);
  report.read(10, 0);
  Sender sender(put_over(transport), report);
  Batch batch = batch_of_ten();
  batch.request.event_list[0].item_id = "disliked";
  batch.request.event_list[9].item_id = "disliked";
  sender.send(std::move(batch));
  const Summary summary = report.finish();
  CHECK(summary.sent == 8);
  CHECK(summary.rejected == 2);
  CHECK_FALSE(sender.stopped_by().has_value());
}

TEST_CASE("a fault that no row is to blame for stops the run") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  transport->reply(pe::HttpResponse{200});
  const int status = GENERATE(401, 403, 404, 500);
  transport->reply(pe::HttpResponse{status, {{"x-amzn-ErrorType", "SomeException"}}, "{}"});
  Report report(false);
  report.begin_sending({}, 30, 0);
  report.read(30, 0);
  Sender sender(put_over(transport), report);
  for (int i = 0; i < 3; ++i) sender.send(batch_of_ten());
  CHECK(transport->requests().size() == 2);
  REQUIRE(sender.stopped_by().has_value());
  CHECK(sender.stopped_by()->http_status == status);
  CHECK(send_events::is_about_the_configuration(*sender.stopped_by()) == (status < 500));
  const Summary summary = report.finish();
  CHECK(summary.sent == 10);
  CHECK(summary.rejected == 0);
  CHECK(summary.not_sent == 20);
}

TEST_CASE("a bad tracking id is no row's fault") {
  const auto transport = std::make_shared<pe::testing::FakeTransport>();
  Report report(false);
  report.begin_sending({}, 10, 0);
  report.read(10, 0);
  Sender sender(put_over(transport), report);
  Batch batch = batch_of_ten();
  batch.request.tracking_id.clear();
  sender.send(std::move(batch));
  CHECK(transport->requests().empty());
  REQUIRE(sender.stopped_by().has_value());
  CHECK(send_events::is_about_the_configuration(*sender.stopped_by()));
}

TEST_CASE("a reason names the member without the place in a batch that nobody sees") {
  pe::Error error;
  error.kind = pe::ErrorKind::InvalidArgument;
  error.where = "eventList[0].itemId";
  error.message = "301 characters, at most 256";
  CHECK(send_events::reason_of(error) == "itemId: 301 characters, at most 256");
  error.where = "userId";
  CHECK(send_events::reason_of(error) == "userId: 301 characters, at most 256");
}
