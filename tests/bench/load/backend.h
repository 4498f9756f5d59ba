#pragma once

#include <netinet/in.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "tests/bench/load/event_loop.h"

namespace penstock::bench {

enum class BackendMode {
  kEcho,       // sends every byte back
  kSink,       // checks every byte against the pattern and drops it
  kAckedSink,  // likewise, and sends one byte for every kAckInterval_bytes received
};
inline constexpr uint64_t kAckInterval_bytes = 64 * 1024;

// What a backend has seen. Written by its thread, read by any.
struct BackendCounters {
  std::atomic<uint64_t> accepted_count{0};
  std::atomic<uint64_t> received_byte_count{0};
  std::atomic<uint64_t> mismatch_count{0};  // reads that were not what the pattern says
};

// The server at the far end of what is measured. It serves any number of connections on a thread
// of its own until it is destroyed.
class Backend final {
 public:
  // Listens at `address`; port 0 picks one.
  static absl::StatusOr<std::unique_ptr<Backend>> Start(const sockaddr_in& address,
                                                        BackendMode mode);
  ~Backend();  // drops every connection
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const sockaddr_in& address() const { return address_; }
  const BackendCounters& counters() const { return counters_; }

 private:
  class Acceptor;
  class EchoConnection;
  class SinkConnection;

  Backend(UniqueFd listener, const sockaddr_in& address, EventLoop loop, BackendMode mode);
  void Serve();
  void AcceptAll();
  void Drop(int fd);  // destroys the connection, and so its caller

  UniqueFd listener_;
  const sockaddr_in address_;
  EventLoop loop_;
  const BackendMode mode_;
  BackendCounters counters_;
  std::unordered_map<int, std::unique_ptr<EventHandler>> connections_;  // of the thread, by fd
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace penstock::bench
