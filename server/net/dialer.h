#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/domain/address.h"
#include "server/net/endpoint.h"

namespace penstock::net {

struct DialOutcome {
  UniqueFd socket;      // connected, non-blocking, close-on-exec
  std::string address;  // what it is connected to, "tcp://192.0.2.1:443"
  // How long it took to get the first address of the name (0 for a literal or a path), and from
  // there to the connection.
  std::chrono::nanoseconds resolve_time{0};
  std::chrono::nanoseconds connect_time{0};
};

struct DialOptions {
  enum class Families { kAny, kV4Only, kV6Only };

  // From the call to the connection, names included.
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
  Families families = Families::kAny;
  // Asked about each concrete address before it is connected to; an error skips the address, and is
  // the dial's result if it was the last one. Empty permits all.
  std::function<absl::Status(const Endpoint&)> permit{};
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
  // NOT_FOUND when the name has no address or could not be resolved, UNAVAILABLE when every address
  // refused or could not be reached, DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED when out of descriptors,
  // or what `options.permit` said.
  [[nodiscard]] virtual Handle Dial(const domain::Address& address, DialOptions options,
                                    std::function<void(absl::StatusOr<DialOutcome>)> done) = 0;
};

}  // namespace penstock::net
