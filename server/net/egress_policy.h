#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/domain/address.h"
#include "server/net/endpoint.h"

namespace penstock::net {

// Decides where a *module* may connect to. An operator's addresses (remote, upstream) are not asked
// about. Both questions must be answered with OK: the first before anything is resolved, the second
// for each address that is about to be connected to, so that no name leads around the policy.
//
// Threads: the control loop's.
class EgressPolicy {
 public:
  virtual ~EgressPolicy() = default;
  // `host` and `port` as the module wrote them; `allow` is its transport's list. PERMISSION_DENIED
  // with reason DIAL_DENIED.
  virtual absl::Status CheckNamed(const std::vector<domain::DialPattern>& allow,
                                  std::string_view host, uint16_t port) const = 0;
  virtual absl::Status CheckResolved(const Endpoint& endpoint) const = 0;
};

// Permits what the transport's allow list names, except the ports on which Penstock itself is
// reached, at any address of this machine.
class AllowListPolicy final : public EgressPolicy {
 public:
  // Adds an address that Penstock serves on, with the port that was bound. Unix sockets need no
  // entry: modules dial TCP only.
  void Forbid(const domain::Address& own);

  absl::Status CheckNamed(const std::vector<domain::DialPattern>& allow, std::string_view host,
                          uint16_t port) const override;
  absl::Status CheckResolved(const Endpoint& endpoint) const override;

 private:
  std::set<uint16_t> own_ports_;
};

// Whether connecting to `endpoint` reaches this very machine: loopback, the unspecified address (to
// which Linux connects as to loopback), or an address of one of its interfaces; IPv4-mapped IPv6
// addresses included.
bool IsThisMachine(const Endpoint& endpoint);

}  // namespace penstock::net
