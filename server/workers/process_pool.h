#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "server/net/dialer.h"
#include "server/net/egress_policy.h"
#include "server/workers/session_registry.h"
#include "server/workers/stats.h"
#include "server/workers/worker_pool.h"

namespace penstock::workers {

struct ProcessPoolOptions {
  std::string worker_path;                    // of the penstock-worker executable
  std::vector<std::string> worker_arguments;  // after the program's name, in every mode
  std::vector<std::string> environment;       // "NAME=value"; workers inherit nothing else
  int worker_count = 1;

  // Supervision.
  std::chrono::nanoseconds hello_timeout = std::chrono::seconds(10);
  std::chrono::nanoseconds respawn_delay_min = std::chrono::milliseconds(50);  // from the 2nd on
  std::chrono::nanoseconds respawn_delay_max = std::chrono::seconds(5);
  std::chrono::nanoseconds healthy_after = std::chrono::seconds(60);
  // Beyond the grace period of Shutdown(), until workers that are still there are killed.
  std::chrono::nanoseconds kill_delay = std::chrono::seconds(2);

  // Connections that wait while no worker is ready.
  size_t pending_max = 1024;
  std::chrono::nanoseconds pending_timeout = std::chrono::seconds(1);

  // Of one dial, names included.
  std::chrono::nanoseconds dial_timeout = std::chrono::seconds(10);

  // Inspections.
  std::chrono::nanoseconds inspect_timeout = std::chrono::seconds(20);
  size_t inspect_processes_max = 2;
  size_t inspect_queue_max = 64;
};

// What the pool works with. All borrowed; must outlive it.
struct ProcessPoolDeps {
  asio::io_context& io;  // run by one thread, the control loop
  net::Dialer& dialer;
  const net::EgressPolicy& egress;
  SessionRegistry& registry;
  PoolStats& stats;
  const Clock& clock = Clock::System();
};

// Starts the workers. INVALID_ARGUMENT when `worker_path` cannot be executed; a worker that fails
// to start later is retried for ever.
//
// Destroy it on the control loop's thread, or when the loop no longer runs: workers that still live
// are killed and reaped.
absl::StatusOr<std::unique_ptr<WorkerPool>> MakeProcessPool(ProcessPoolDeps deps,
                                                            ProcessPoolOptions options);

}  // namespace penstock::workers
