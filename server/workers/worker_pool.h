#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "server/domain/resources.h"
#include "server/net/dialer.h"
#include "server/workers/session_registry.h"

namespace penstock::workers {

// A transport at one revision, as workers need it: everything that a session of it is made from.
// Immutable; sessions keep the revision they began with by holding it.
struct TransportRevision {
  domain::Transport transport;
  std::string module_sha256;
  std::shared_ptr<const UniqueFd> module_fd;  // sealed memfd with the module's bytes
};

// What became of inspecting uploaded bytes.
struct InspectedModule {
  std::vector<domain::Role> roles;
  std::vector<std::string> imports;
  uint64_t memory_minimum_byte_count = 0;
  std::optional<uint64_t> memory_maximum_byte_count;
};

struct WorkerStatus {
  enum class State { kStarting, kReady, kRestarting };
  int index = 0;
  int pid = 0;
  State state = State::kStarting;
  uint32_t session_count = 0;
  uint64_t restart_count = 0;
};

// Spawns and supervises the worker processes, and hands sessions to them.
//
// Threads: all methods on the control loop's thread, except status(), v8_version(),
// isolation_mode() and VisitCounters(), which are safe from any.
class WorkerPool {
 public:
  virtual ~WorkerPool() = default;

  // Makes `revision` the one that new sessions of its transport get, on every worker, now and after
  // restarts. `done` is called once every ready worker has loaded the module, or with what failed.
  virtual void Put(std::shared_ptr<const TransportRevision> revision,
                   std::function<void(absl::Status)> done) = 0;
  // No new sessions; live ones go on.
  virtual void Remove(const domain::TransportName& transport) = 0;

  // Starts a session of the transport's current revision on the least-loaded ready worker.
  // Connections that come while no worker is ready wait, up to a bound and a second, then are
  // closed. Takes the socket in any case. RESOURCE_EXHAUSTED over sessions_max.
  virtual absl::Status StartSession(const domain::TransportName& transport, UniqueFd socket,
                                    std::string peer_address) = 0;

  // EXIT, the grace period, then the end.
  virtual void StopSessions(const domain::TransportName& transport) = 0;
  virtual absl::Status StopSession(const domain::SessionName& session) = 0;

  // Inspects uploaded bytes in a process of its own that is thrown away afterwards. `done` gets
  // INVALID_ARGUMENT with the reason in its domain::ErrorDetail when they are no WATM v1 module.
  // May be called from any thread; `done` is called on the loop's.
  virtual void Inspect(std::string sha256, std::shared_ptr<const UniqueFd> module_fd,
                       std::function<void(absl::StatusOr<InspectedModule>)> done) = 0;

  // Stops all sessions within `grace`, then the processes; `done` when all are gone.
  virtual void Shutdown(std::chrono::nanoseconds grace, std::function<void()> done) = 0;

  virtual std::vector<WorkerStatus> status() const = 0;
  virtual std::string v8_version() const = 0;
  virtual std::string isolation_mode() const = 0;
  // Calls `visit` with the counters of every worker, dead generations included.
  virtual void VisitCounters(const std::function<void(const WorkerCounters&)>& visit) const = 0;
};

}  // namespace penstock::workers
