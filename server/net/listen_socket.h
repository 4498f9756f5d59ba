#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/net/endpoint.h"

namespace penstock::net {

// A listening socket, non-blocking and close-on-exec. Removes its Unix path when destroyed, unless
// somebody else has put another socket there meanwhile. Move-only.
class ListenSocket final {
 public:
  // Connections that may wait to be accepted; the kernel lowers it to net.core.somaxconn.
  static constexpr int kBacklog = 4096;

  // Binds and listens. A Unix socket that nobody listens on is replaced. ALREADY_EXISTS with reason
  // PORT_IN_USE, INVALID_ARGUMENT with reason ADDRESS_UNAVAILABLE, PERMISSION_DENIED,
  // RESOURCE_EXHAUSTED.
  static absl::StatusOr<ListenSocket> Create(const Endpoint& endpoint);

  ListenSocket(ListenSocket&& other) noexcept;
  ListenSocket& operator=(ListenSocket&&) = delete;
  ~ListenSocket();

  int fd() const { return fd_.get(); }
  // The port that the kernel chose or was told; 0 for a Unix socket.
  uint16_t port() const { return port_; }

 private:
  explicit ListenSocket(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  uint16_t port_ = 0;
  std::string path_;  // of a Unix socket, with the identity of what was made there
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace penstock::net
