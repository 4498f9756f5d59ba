#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/net/endpoint.h"

namespace penstock::net {

// Connects to one address. An interface so that a race between addresses is tested without one.
//
// Threads: the control loop's; `done` is called there, never from within Connect().
class Connector {
 public:
  // Destroying it closes the socket if it is not connected yet; `done` is then not called.
  using Handle = std::shared_ptr<void>;
  using Done = std::function<void(absl::StatusOr<UniqueFd>)>;

  virtual ~Connector() = default;
  // No deadline but the kernel's. UNAVAILABLE when the address refuses or cannot be reached,
  // RESOURCE_EXHAUSTED when this machine is out of descriptors or memory.
  [[nodiscard]] virtual Handle Connect(const Endpoint& endpoint, Done done) = 0;
};

// Real sockets: non-blocking, close-on-exec, tuned. Borrows `io`.
std::unique_ptr<Connector> MakeConnector(asio::io_context& io);

}  // namespace penstock::net
