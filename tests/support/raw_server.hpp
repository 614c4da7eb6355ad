// SPDX-License-Identifier: Apache-2.0
//
// RawServer: a scripted TCP server on 127.0.0.1, for tests of the transports. It speaks only what
// the script says, so it can also cut, drip, reset, and answer what is not HTTP.
#ifndef PERSONALIZE_EVENTS_TESTS_SUPPORT_RAW_SERVER_HPP
#define PERSONALIZE_EVENTS_TESTS_SUPPORT_RAW_SERVER_HPP

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace test {

class RawServer;

/// One accepted connection, as its script sees it.
class RawConnection {
 public:
  RawConnection(RawServer& server, int number, int descriptor);
  ~RawConnection();
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  /// 1 for the first connection that the server accepted.
  [[nodiscard]] int number() const { return number_; }
  /// Reads a head and a body of its Content-Length, which the server records. Empty when the other
  /// end closed first, or the server stops.
  std::string read_request();
  /// Reads whatever comes first, at most 64 KiB, and records it. Empty as above.
  std::string read_some();
  /// False when the other end is gone or the server stops.
  bool send(std::string_view bytes);
  /// Closes with a TCP reset.
  void reset();
  /// Closes in order. A script that returns does this too.
  void close();
  /// Waits for RawServer::release; false when the server stops first.
  bool wait_for_release();
  /// Waits this long; false when the server stops meanwhile.
  bool pause(std::chrono::milliseconds duration);
  /// Makes reads and writes end. For the server, when it stops.
  void interrupt();

 private:
  RawServer& server_;
  const int number_;
  std::mutex mutex_;
  int descriptor_;
  std::string unread_{};
};

/// Accepts any number of connections, each with a thread that runs the script. The destructor ends
/// all of them at once and joins.
class RawServer {
 public:
  using Script = std::function<void(RawConnection&)>;

  explicit RawServer(Script script);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  /// The port that the system picked.
  [[nodiscard]] int port() const { return port_; }
  /// "http://127.0.0.1:<port>" and a path.
  [[nodiscard]] std::string url(const std::string& path = "/") const;
  /// The number of connections accepted so far.
  [[nodiscard]] int accepted() const;
  /// All requests read so far, in order of their ends.
  [[nodiscard]] std::vector<std::string> requests() const;
  /// Waits until so many requests were read; false after 10 s.
  [[nodiscard]] bool wait_for_requests(std::size_t count) const;
  /// Lets every script go on that waits for it, now or later.
  void release();

 private:
  friend class RawConnection;

  void accept_all();
  void record(const std::string& request);

  Script script_;
  int listener_{-1};
  int port_{0};
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::list<RawConnection> connections_{};
  std::vector<std::thread> threads_{};
  std::vector<std::string> requests_{};
  bool released_{false};
  bool stopping_{false};
  std::thread acceptor_{};
};

/// A script that answers every request of a connection with these bytes.
RawServer::Script answer_each(std::string bytes);

/// A whole response with this body, that keeps the connection open.
std::string http_response(int status, const std::string& body = "{}",
                          const std::string& more_headers = "");

/// A port of 127.0.0.1 on which nothing listens.
int closed_port();

}  // namespace test

#endif
