#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/unique_fd.h"
#include "server/net/connector.h"
#include "server/net/endpoint.h"
#include "server/net/timers.h"

namespace penstock::net {

// Connects to the first of several addresses that answers. IPv6 goes first, then the families take
// turns; the next address is tried when the one before has failed, or has not answered within
// kAttemptDelay, without giving that one up. The first connection wins, the others are closed.
//
// Threads:  the control loop's.
// Lifetime: borrows `connector` and `timers`. Destroying the race closes what is under way; it may
//           be destroyed within `done`.
// Source:   RFC 8305, sections 4 and 5.
class ConnectRace final {
 public:
  static constexpr std::chrono::milliseconds kAttemptDelay{250};
  // Addresses of one family that are tried; a name may have thousands.
  static constexpr size_t kFamilyAddressesMax = 8;

  struct Winner {
    UniqueFd socket;
    Endpoint endpoint;
  };
  using Permit = std::function<absl::Status(const Endpoint&)>;
  using Done = std::function<void(absl::StatusOr<Winner>)>;

  // `permit` may be empty. `done` is called once, never from within a method.
  ConnectRace(Connector& connector, Timers& timers, Permit permit, Done done);

  // Addresses to try, best first. May be called again while the race runs.
  void Add(const std::vector<Endpoint>& endpoints);
  // No more addresses will come. `if_none` is the result if there were none at all.
  void Finish(absl::Status if_none);

 private:
  void TryNext();
  std::optional<Endpoint> TakeNext();
  void OnResult(uint64_t attempt, const Endpoint& endpoint, absl::StatusOr<UniqueFd> result);
  void FailIfOver();
  bool over() const { return finished_ && untried_count() == 0 && attempts_.empty(); }
  size_t untried_count() const { return v6_.size() + others_.size(); }

  Connector& connector_;
  Timers& timers_;
  Permit permit_;
  Done done_;
  std::deque<Endpoint> v6_;
  std::deque<Endpoint> others_;  // IPv4 and Unix
  bool prefer_v6_ = true;
  bool finished_ = false;
  size_t failed_count_ = 0;
  absl::Status error_;  // of the address that failed last; of none at all
  uint64_t attempt_count_ = 0;
  std::map<uint64_t, Connector::Handle> attempts_;
  Timers::Handle next_;     // when the next address is tried
  Timers::Handle failure_;  // delivers the failure
};

}  // namespace penstock::net
