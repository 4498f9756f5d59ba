#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace penstock {

// One datagram between penstockd and a worker: bytes and the descriptors that travel with them.
struct Packet {
  std::string bytes;
  std::vector<UniqueFd> fds;
};

// Largest datagram that either side sends or accepts. Anything bigger travels in a sealed memfd.
inline constexpr size_t kPacketBytesMax = 64 * 1024;
// Most descriptors in one datagram.
inline constexpr size_t kPacketFdsMax = 4;

// One end of a non-blocking AF_UNIX SOCK_SEQPACKET pair, with a bounded queue of packets that the
// kernel would not take yet. The owner watches fd() for EPOLLIN always, and for EPOLLOUT while
// wants_write().
//
// Threads: one thread at a time.
// Source:  unix(7), SCM_RIGHTS.
class SeqpacketSocket final {
 public:
  // Packets that may wait for the peer; beyond it the peer counts as stuck.
  static constexpr size_t kQueueMax = 16 * 1024;

  explicit SeqpacketSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  // A connected pair, close-on-exec and non-blocking.
  static absl::StatusOr<std::pair<SeqpacketSocket, SeqpacketSocket>> Pair();

  // Sends `packet`, or queues it while the kernel's buffer is full. Takes its descriptors in any
  // case. INVALID_ARGUMENT if it is too big, RESOURCE_EXHAUSTED if the queue is full, UNAVAILABLE
  // if the peer is gone.
  absl::Status Send(Packet packet);

  // Sends what is queued, until the kernel refuses more.
  absl::Status Flush();

  // The next packet; nullopt when there is none now. UNAVAILABLE at the end of the connection;
  // DATA_LOSS if a packet was truncated (its descriptors are closed).
  absl::StatusOr<std::optional<Packet>> Receive();

  bool wants_write() const { return !queue_.empty(); }
  int fd() const { return fd_.get(); }
  UniqueFd TakeFd() { return std::move(fd_); }

 private:
  UniqueFd fd_;
  std::deque<Packet> queue_;
  std::string buffer_;
};

// A memfd that holds `bytes`, sealed against any change, for handing to another process.
absl::StatusOr<UniqueFd> SealedMemfd(std::string_view name, std::string_view bytes);

// Reads a memfd made by SealedMemfd(). FAILED_PRECONDITION if it is not sealed against writing
// and shrinking (its sender could change it while it is read), RESOURCE_EXHAUSTED over
// `byte_count_max`.
absl::StatusOr<std::string> ReadSealedMemfd(int fd, size_t byte_count_max);

}  // namespace penstock
