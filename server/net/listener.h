#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/domain/address.h"

namespace penstock::net {

// A bound, listening socket that accepts until it is destroyed.
//
// Out of descriptors or memory it stops accepting for a moment, says so, and goes on by itself.
// Threads: the control loop's.
class Listener {
 public:
  virtual ~Listener() = default;
  // With the port that was chosen.
  virtual const domain::Address& bound_address() const = 0;
};

// Makes listeners. One per control loop.
class ListenerFactory {
 public:
  virtual ~ListenerFactory() = default;
  // Called for each accepted connection: non-blocking, close-on-exec.
  using OnAccept = std::function<void(UniqueFd socket, std::string peer_address)>;
  // Binds and listens. ALREADY_EXISTS with reason PORT_IN_USE, INVALID_ARGUMENT with reason
  // ADDRESS_UNAVAILABLE, PERMISSION_DENIED. A stale Unix socket that nobody listens on is replaced.
  virtual absl::StatusOr<std::unique_ptr<Listener>> Listen(const domain::Address& address,
                                                           OnAccept on_accept) = 0;
};

}  // namespace penstock::net
