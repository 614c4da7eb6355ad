// SPDX-License-Identifier: Apache-2.0

#include "support/credential_case.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>

#include "catch.hpp"
#include "personalize_events/detail/base/ascii.hpp"
#include "personalize_events/detail/base/number.hpp"
#include "personalize_events/detail/base/uri.hpp"
#include "support/conformance.hpp"

namespace test {
namespace {

namespace pe = personalize_events;
using pe::detail::json::Value;

std::string text_or_empty(const Value& object, std::string_view name) {
  const std::string* found = object.find_string(name);
  return found == nullptr ? std::string{} : *found;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find(separator));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    parts.emplace_back(part);
  }
  return parts;
}

// A URL with a path, and its query in order.
std::string canonical_url(const std::string& url) {
  const std::string base = url.substr(0, url.find('?'));
  std::string query;
  if (base.size() < url.size()) {
    std::vector<std::string> parameters = split(url.substr(base.size() + 1), '&');
    std::sort(parameters.begin(), parameters.end());
    for (const std::string& parameter : parameters)
      query += (query.empty() ? "?" : "&") + parameter;
  }
  const std::size_t authority = base.find("://");
  const bool has_path =
      authority != std::string::npos && base.find('/', authority + 3) != std::string::npos;
  return base + (has_path ? "" : "/") + query;
}

std::map<std::string, std::string> form_of(const std::string& body) {
  std::map<std::string, std::string> form;
  for (const std::string& parameter : split(body, '&')) {
    const std::size_t equals = parameter.find('=');
    form[parameter.substr(0, equals)] = pe::detail::percent_decode(parameter.substr(equals + 1));
  }
  return form;
}

pe::Headers headers_of(const Value& object) {
  pe::Headers headers;
  for (const auto& [name, values] : object.members) {
    for (const Value& value : values.items) headers.emplace_back(name, value.text);
  }
  return headers;
}

std::string header_or_none(const pe::Headers& headers, std::string_view name) {
  const std::string* found = pe::find_header(headers, name);
  return found == nullptr ? "none" : *found;
}

// The output of "echo <text> | base64 --decode".
std::string decode_base64(std::string_view text) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::size_t digit = digits.find(c);
    if (digit == std::string_view::npos) continue;  // padding
    bits = (bits << 6U) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU));
  }
  return bytes;
}

// What the few commands of the suites print when a shell runs them.
pe::Result<std::string> output_of(const std::string& command) {
  const std::vector<std::string> words = split(command, ' ');
  REQUIRE(words.size() > 1);
  if (words[0] == "exit") {
    return pe::detail::make_error(pe::ErrorKind::Credentials, "credential_process",
                                  "ended with status " + words[1]);
  }
  REQUIRE(words[0] == "echo");
  if (words.back() == "--decode") return decode_base64(words[1]);
  return std::string{"invalid json\n"};
}

void set_files(pe::testing::VirtualPlatform& platform, const std::filesystem::path& root) {
  if (!std::filesystem::exists(root)) return;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    std::string text;
    if (entry.file_size() > 0) text = read_conformance(entry.path());
    platform.set_file("/" + entry.path().lexically_relative(root).generic_string(), text);
    for (const std::string& line : split(text, '\n')) {
      const std::string_view property = "credential_process = ";
      if (line.rfind(property, 0) != 0) continue;
      const std::string command = line.substr(property.size());
      platform.on_process(command, output_of(command));
    }
  }
}

}  // namespace

ReplayTransport::ReplayTransport(const Value& traffic) {
  for (const Value& event : member(traffic, "events").items) {
    const Value& action = member(event, "action");
    if (const Value* sent = action.find("Request")) {
      const Value& request = member(*sent, "request");
      exchanges_.emplace_back();
      exchanges_.back().request.method = member(request, "method").text;
      exchanges_.back().request.url = member(request, "uri").text;
      exchanges_.back().request.headers = headers_of(member(request, "headers"));
    } else if (const Value* received = action.find("Response")) {
      const Value& response = member(member(*received, "response"), "Ok");
      const auto status = pe::detail::parse_integer(member(response, "status").text);
      REQUIRE(status.has_value());
      exchanges_.back().response.status = static_cast<int>(*status);
      exchanges_.back().response.headers = headers_of(member(response, "headers"));
    } else if (const Value* data = action.find("Data")) {
      const std::string& text = member(member(*data, "data"), "Utf8").text;
      const bool is_sent = member(*data, "direction").text == "Request";
      (is_sent ? exchanges_.back().request.body : exchanges_.back().response.body).append(text);
    }
  }
}

pe::Result<pe::HttpResponse> ReplayTransport::send(const pe::HttpRequest& request) {
  const bool goes_on =
      next_ == exchanges_.size() && next_ > 0 && exchanges_.back().response.status >= 500;
  if (next_ == exchanges_.size() && !goes_on) {
    differ("one more request than recorded: " + request.method + " " + request.url);
    return pe::detail::make_error(pe::ErrorKind::Transport, "replay", "nothing is recorded");
  }
  const Exchange& exchange = goes_on ? exchanges_.back() : exchanges_[next_++];
  compare(request, exchange.request);
  return exchange.response;
}

void ReplayTransport::compare(const pe::HttpRequest& asked, const pe::HttpRequest& recorded) {
  const auto same = [this](const std::string& what, const std::string& ours,
                           const std::string& theirs) {
    if (ours != theirs) differ(what + ": " + ours + ", recorded " + theirs);
  };
  same("method", asked.method, recorded.method);
  same("URL", canonical_url(asked.url), canonical_url(recorded.url));

  for (const char* name : {"x-aws-ec2-metadata-token", "x-aws-ec2-metadata-token-ttl-seconds",
                           "x-amz-sso_bearer_token", "content-type"}) {
    // Without a parameter: botocore says which character set the form is in.
    const std::string value = header_or_none(asked.headers, name);
    same(name, value.substr(0, value.find(';')), header_or_none(recorded.headers, name));
  }
  // What another SDK leaves out, and its transport adds.
  if (pe::find_header(recorded.headers, "accept") != nullptr) {
    same("accept", header_or_none(asked.headers, "accept"),
         header_or_none(recorded.headers, "accept"));
  }
  const std::string url = canonical_url(recorded.url);
  const std::size_t host = url.find("://") + 3;
  same("host", header_or_none(asked.headers, "host"), url.substr(host, url.find('/', host) - host));
  // A signature itself is of the signer's own headers and time.
  const auto is_signed = [](const pe::Headers& headers) {
    return header_or_none(headers, "authorization").rfind("AWS4-HMAC-SHA256 ", 0) == 0;
  };
  same("signed", is_signed(asked.headers) ? "yes" : "no",
       is_signed(recorded.headers) ? "yes" : "no");

  const auto ours = form_of(asked.body);
  const auto theirs = form_of(recorded.body);
  const auto names = [](const std::map<std::string, std::string>& form) {
    std::string list;
    for (const auto& [name, value] : form) list.append(name).append(" ");
    return list;
  };
  same("form", names(ours), names(theirs));
  for (const auto& [name, value] : theirs) {
    // The recorded web identities are those of other roles and tokens than the case's own.
    const bool is_own = name == "Action" || name == "Version" ||
                        (name == "RoleArn" && theirs.at("Action") == "AssumeRole");
    if (is_own && ours.count(name) != 0) same(name, ours.at(name), value);
  }
}

void ReplayTransport::differ(const std::string& what) {
  differences_.push_back("request " + std::to_string(next_) + ": " + what);
}

CredentialCase::CredentialCase(const std::filesystem::path& folder)
    : name(folder.filename().string()),
      platform(std::make_shared<pe::testing::VirtualPlatform>()),
      transport(std::make_shared<ReplayTransport>(read_vectors(folder / "http-traffic.json"))),
      expected(member(read_vectors(folder / "test-case.json"), "result")) {
  for (const auto& [variable, value] : read_vectors(folder / "env.json").members) {
    platform->set_environment(variable, value.text);
  }
  set_files(*platform, conformance_directory() / folder / "fs");
  // 2009-01-01: before anything that was recorded expires.
  platform->set_now(std::chrono::system_clock::time_point{std::chrono::seconds{1'230'768'000}});
}

void CredentialCase::check(const pe::Result<pe::Credentials>& credentials,
                           const std::map<std::string, std::string>& error_places) const {
  INFO("case " << name << ": "
               << (credentials ? std::string{"credentials"} : to_string(credentials.error())));
  CHECK(transport->differences() == std::vector<std::string>{});
  CHECK(transport->left() == 0);
  REQUIRE(credentials.has_value() == succeeds());
  if (!succeeds()) {
    CHECK(credentials.error().kind == pe::ErrorKind::Credentials);
    const auto place = error_places.find(name);
    REQUIRE(place != error_places.end());
    CHECK(credentials.error().where == place->second);
    return;
  }
  const Value& result = member(expected, "Ok");
  CHECK(credentials->access_key_id == member(result, "access_key_id").text);
  CHECK(credentials->secret_access_key == member(result, "secret_access_key").text);
  CHECK(credentials->session_token == text_or_empty(result, "session_token"));
  CHECK(credentials->account_id == text_or_empty(result, "account_id"));
  const Value* expiry = result.find("expiry");
  REQUIRE(credentials->expiration.has_value() == (expiry != nullptr));
  if (expiry == nullptr) return;
  const auto expiration = credentials->expiration->time_since_epoch();
  CHECK(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(expiration).count()) ==
        expiry->text);
}

}  // namespace test
