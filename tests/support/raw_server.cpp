// SPDX-License-Identifier: Apache-2.0
#include "support/raw_server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "personalize_events/transport.hpp"

namespace test {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

int bound_socket() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) fail("socket");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail("bind");
  return descriptor;
}

int port_of(int descriptor) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("getsockname");
  return ntohs(address.sin_port);
}

std::size_t content_length(std::string_view head) {
  for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
       at = head.find("\r\n", at)) {
    at += 2;
    const std::string_view name = head.substr(at, head.find(':', at) - at);
    if (!personalize_events::equal_header_names(name, "Content-Length")) continue;
    return std::strtoul(std::string{head.substr(at + name.size() + 1, 24)}.c_str(), nullptr, 10);
  }
  return 0;
}

}  // namespace

RawConnection::RawConnection(RawServer& server, int number, int descriptor)
    : server_(server), number_(number), descriptor_(descriptor) {}

RawConnection::~RawConnection() { close(); }

std::string RawConnection::read_request() {
  for (;;) {
    const std::size_t head_end = unread_.find("\r\n\r\n");
    if (head_end != std::string::npos) {
      const std::size_t size =
          head_end + 4 + content_length(std::string_view{unread_}.substr(0, head_end));
      if (unread_.size() >= size) {
        std::string request = unread_.substr(0, size);
        unread_.erase(0, size);
        server_.record(request);
        return request;
      }
    }
    char buffer[16'384];
    const ssize_t got = ::recv(descriptor_, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return {};
    unread_.append(buffer, static_cast<std::size_t>(got));
  }
}

std::string RawConnection::read_some() {
  std::string bytes(65'536, '\0');
  ssize_t got = 0;
  do {
    got = ::recv(descriptor_, bytes.data(), bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  if (!bytes.empty()) server_.record(bytes);
  return bytes;
}

bool RawConnection::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void RawConnection::reset() {
  const linger at_once{1, 0};
  if (::setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0)
    fail("setsockopt");
  close();
}

void RawConnection::close() {
  const std::lock_guard<std::mutex> lock{mutex_};
  if (descriptor_ >= 0) static_cast<void>(::close(descriptor_));
  descriptor_ = -1;
}

void RawConnection::interrupt() {
  const std::lock_guard<std::mutex> lock{mutex_};
  if (descriptor_ >= 0) static_cast<void>(::shutdown(descriptor_, SHUT_RDWR));
}

bool RawConnection::wait_for_release() {
  std::unique_lock<std::mutex> lock{server_.mutex_};
  server_.changed_.wait(lock, [this] { return server_.released_ || server_.stopping_; });
  return !server_.stopping_;
}

bool RawConnection::pause(std::chrono::milliseconds duration) {
  std::unique_lock<std::mutex> lock{server_.mutex_};
  const auto until = std::chrono::system_clock::now() + duration;
  return !server_.changed_.wait_until(lock, until, [this] { return server_.stopping_; });
}

RawServer::RawServer(Script script) : script_(std::move(script)), listener_(bound_socket()) {
  if (::listen(listener_, 128) != 0) fail("listen");
  port_ = port_of(listener_);
  acceptor_ = std::thread{[this] { accept_all(); }};
}

RawServer::~RawServer() {
  {
    const std::lock_guard<std::mutex> lock{mutex_};
    stopping_ = true;
    for (RawConnection& connection : connections_) connection.interrupt();
  }
  changed_.notify_all();
  static_cast<void>(::shutdown(listener_, SHUT_RDWR));
  acceptor_.join();
  for (std::thread& thread : threads_) thread.join();
  static_cast<void>(::close(listener_));
}

void RawServer::accept_all() {
  for (;;) {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0 && (errno == EINTR || errno == ECONNABORTED)) continue;
    const std::lock_guard<std::mutex> lock{mutex_};
    if (descriptor < 0) return;
    RawConnection& connection =
        connections_.emplace_back(*this, static_cast<int>(connections_.size()) + 1, descriptor);
    if (stopping_) connection.interrupt();
    threads_.emplace_back([this, &connection] {
      script_(connection);
      connection.close();
    });
    changed_.notify_all();
  }
}

void RawServer::record(const std::string& request) {
  {
    const std::lock_guard<std::mutex> lock{mutex_};
    requests_.push_back(request);
  }
  changed_.notify_all();
}

std::string RawServer::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port_) + path;
}

int RawServer::accepted() const {
  const std::lock_guard<std::mutex> lock{mutex_};
  return static_cast<int>(connections_.size());
}

std::vector<std::string> RawServer::requests() const {
  const std::lock_guard<std::mutex> lock{mutex_};
  return requests_;
}

bool RawServer::wait_for_requests(std::size_t count) const {
  std::unique_lock<std::mutex> lock{mutex_};
  const auto until = std::chrono::system_clock::now() + std::chrono::seconds{10};
  return changed_.wait_until(lock, until, [this, count] { return requests_.size() >= count; });
}

void RawServer::release() {
  {
    const std::lock_guard<std::mutex> lock{mutex_};
    released_ = true;
  }
  changed_.notify_all();
}

RawServer::Script answer_each(std::string bytes) {
  return [bytes = std::move(bytes)](RawConnection& connection) {
    while (!connection.read_request().empty()) {
      if (!connection.send(bytes)) return;
    }
  };
}

std::string http_response(int status, const std::string& body, const std::string& more_headers) {
  return "HTTP/1.1 " + std::to_string(status) +
         " Text\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more_headers +
         "\r\n" + body;
}

int closed_port() {
  // Bound and never listened on; the system gives a port away again last of all.
  const int descriptor = bound_socket();
  const int port = port_of(descriptor);
  static_cast<void>(::close(descriptor));
  return port;
}

}  // namespace test
