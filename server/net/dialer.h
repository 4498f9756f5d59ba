#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/domain/address.h"

namespace penstock::net {

struct DialOutcome {
  UniqueFd socket;      // connected, non-blocking, close-on-exec
  std::string address;  // what it is connected to, "tcp://192.0.2.1:443"
};

// Resolves and connects, asynchronously: names through c-ares, IPv6 and IPv4 raced as RFC 8305
// says, each dial bounded by a deadline.
//
// Threads: the control loop's; `done` is called there, never from within Dial().
class Dialer {
 public:
  virtual ~Dialer() = default;
  // Destroying the handle cancels the dial; `done` is then not called.
  using Handle = std::shared_ptr<void>;
  [[nodiscard]] virtual Handle Dial(
      const domain::Address& address, std::chrono::nanoseconds timeout,
      std::function<void(absl::StatusOr<DialOutcome>)> done) = 0;
};

}  // namespace penstock::net
