#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/net/dialer.h"
#include "server/net/egress_policy.h"
#include "server/workers/protocol.h"
#include "server/workers/route.h"
#include "server/workers/stats.h"

namespace penstock::workers {

// The dials of one session that are under way. Destroying it cancels them.
//
// Threads: the control loop's.
class SessionDials final {
 public:
  // Borrowed; must outlive the dials.
  struct Tools {
    net::Dialer& dialer;
    const net::EgressPolicy& egress;
    PoolStats& stats;
    std::chrono::nanoseconds timeout;
  };
  // Delivers the answer of a dial: the worker's message and its socket, or an error.
  using Answer = std::function<void(uint32_t dial_id, absl::StatusOr<net::DialOutcome>)>;

  // `answer` may be called from within Start().
  SessionDials(Tools tools, std::shared_ptr<const Route> route, Answer answer)
      : tools_(tools), route_(std::move(route)), answer_(std::move(answer)) {}
  ~SessionDials();
  SessionDials(const SessionDials&) = delete;
  SessionDials& operator=(const SessionDials&) = delete;

  // Begins the dial. An error is a breach of the protocol: too many at once, or an ID in use.
  // Everything that the guest can cause is answered instead.
  absl::Status Start(const pb::DialRequest& request);

 private:
  struct Plan {
    domain::Address address;
    net::DialOptions options;
  };

  absl::StatusOr<Plan> PlanOf(const pb::DialRequest& request) const;
  absl::StatusOr<Plan> PlanNamed(const pb::DialRequest& request) const;
  void OnDialed(uint32_t dial_id, DialTarget target, absl::StatusOr<net::DialOutcome> outcome);
  void Count(DialTarget target, DialResult result);

  struct Dial {
    DialTarget target = DialTarget::kRemote;
    net::Dialer::Handle handle{};
  };

  Tools tools_;
  std::shared_ptr<const Route> route_;
  Answer answer_;
  std::map<uint32_t, Dial> dials_;  // by dial_id
};

}  // namespace penstock::workers
