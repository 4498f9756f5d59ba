#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "base/clock.h"
#include "server/app/control_loop.h"
#include "server/app/modules.h"
#include "server/app/modules_impl.h"
#include "server/app/reconcile_stats.h"
#include "server/app/sessions.h"
#include "server/app/transports.h"
#include "server/net/listener.h"
#include "server/store/blob_store.h"
#include "server/store/state_store.h"
#include "server/workers/session_registry.h"
#include "server/workers/worker_pool.h"

namespace penstock::app {

// What the use cases work with. All borrowed; must outlive the App.
struct Dependencies {
  store::StateStore& store;
  store::BlobStore& blobs;
  workers::WorkerPool& pool;
  net::ListenerFactory& listeners;
  workers::SessionRegistry& registry;
  ControlLoop& loop;
  const Clock& clock = Clock::System();
  ModulesImpl::Limits limits = {};
};

// All use cases and the reconciler, wired.
//
// Threads: modules(), transports(), sessions() and reconcile_stats() may be used from any. Destroy
// it on the control loop's thread, or when the loop no longer runs, and after the API's last call.
class App final {
 public:
  explicit App(const Dependencies& dependencies);
  ~App();

  Modules& modules();
  Transports& transports();
  Sessions& sessions();
  ReconcileStats::Sample reconcile_stats() const;

  // Removes what nobody needs, and makes what is stored so. Call once, before the API serves.
  absl::Status Start();

  // Closes all listeners, for good; sessions go on. From any thread.
  void BeginDrain();

 private:
  struct Parts;
  const std::shared_ptr<Parts> parts_;
};

}  // namespace penstock::app
