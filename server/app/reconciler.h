#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "server/app/desired_state.h"
#include "server/app/transport_actor.h"

namespace penstock::app {

// Follows what is stored and makes it so: one TransportActor for each transport, so that the
// failure of one stops no other.
//
// Threads: made anywhere; Start() and BeginDrain() from any. Everything else happens on the control
// loop's thread, where it must be destroyed, unless the loop no longer runs.
class Reconciler final {
 public:
  struct Dependencies {
    store::StateStore& store;
    const store::BlobStore& blobs;
    workers::WorkerPool& pool;
    net::ListenerFactory& listeners;
    workers::SessionRegistry& registry;
    ControlLoop& loop;
    const Clock& clock;
    TransportStatusTable& statuses;
    uint32_t seed = 1;  // of the random part of waiting times
  };

  explicit Reconciler(const Dependencies& dependencies);
  ~Reconciler();

  // Begins to follow the store.
  void Start();
  // Accepts no more connections, for good. Sessions go on.
  void BeginDrain();

  // Safe from any thread.
  ReconcileStats::Sample stats() const { return stats_.sample(); }

 private:
  // Tells callbacks that are under way elsewhere whether the reconciler still lives.
  using Life = std::shared_ptr<Reconciler*>;

  void PostSync();
  void PostSessionEnded(const domain::TransportName& name);
  // Runs `work` on the loop, unless the reconciler is gone by then.
  void Post(std::function<void(Reconciler&)> work);

  void Sync();
  void RunActor(const domain::TransportName& name, TransportActor::Cause cause);
  TransportActor& ActorOf(const domain::TransportName& name);
  TransportActor::Input InputOf(const domain::TransportName& name) const;

  store::StateStore& store_;
  workers::SessionRegistry& registry_;
  ControlLoop& loop_;
  ModuleBytes modules_;
  ReconcileStats stats_;
  Backoff backoff_;
  const Environment env_;
  DesiredState desired_;
  std::map<domain::TransportName, std::shared_ptr<TransportActor>> actors_;
  bool draining_ = false;
  uint32_t sync_failure_count_ = 0;
  std::set<domain::TransportName> unseen_;  // changed, but not run since the store failed
  ControlLoop::Timer sync_retry_;
  std::atomic<bool> sync_posted_{false};
  Life life_ = std::make_shared<Reconciler*>(this);
  // Last, so that nothing is called while the rest goes.
  store::StateStore::Subscription store_subscription_;
  workers::SessionRegistry::Subscription session_subscription_;
};

}  // namespace penstock::app
