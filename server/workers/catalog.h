#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/domain/names.h"
#include "server/net/timers.h"
#include "server/workers/load_waits.h"
#include "server/workers/module_directory.h"
#include "server/workers/route.h"
#include "server/workers/worker_link.h"

namespace penstock::workers {

// Which transports there are, and what each worker has been told of them: modules ahead of time,
// because compiling takes long; transports with their first session there.
//
// Threads:  the control loop's.
// Lifetime: borrows `timers`, and each worker from OnReady() to OnLost().
class Catalog final {
 public:
  enum class ModuleState { kUnknown, kLoading, kLoaded, kFailed };
  using Done = std::function<void(absl::Status)>;

  explicit Catalog(net::Timers& timers) : timers_(timers) {}

  // As WorkerPool::Put() and Remove(). A Put() that is overtaken by another, or by Remove(), ends
  // with CANCELLED.
  void Put(std::shared_ptr<const TransportRevision> revision, Done done);
  void Remove(const domain::TransportName& transport);
  // The current route of a transport; nullptr if there is none.
  std::shared_ptr<const Route> Find(const domain::TransportName& transport) const;

  void OnReady(WorkerLink& worker);
  void OnLost(int worker);
  // An error is a breach of the protocol.
  absl::Status OnModuleLoaded(int worker, const pb::ModuleLoaded& loaded);

  ModuleState StateOn(int worker, uint64_t module_key) const;
  // Tells the worker of the route unless it knows. RESOURCE_EXHAUSTED when out of descriptors.
  // Precondition: the worker is ready.
  absl::Status Introduce(WorkerLink& worker, const Route& route);

 private:
  // What one ready worker knows.
  struct Knowledge {
    WorkerLink* link = nullptr;
    std::map<uint64_t, ModuleState> modules;  // by module_key
    std::set<uint64_t> transports;            // by transport_key
  };

  void Load(Knowledge& knowledge, uint64_t module_key);
  void Retire(const Route& route);
  // Calls them from the loop, when whoever called us has finished.
  void DeliverSoon(std::function<void()> call);
  void Cancel(const domain::TransportName& transport, std::string_view why);

  net::Timers& timers_;
  ModuleDirectory modules_;
  std::map<domain::TransportName, std::shared_ptr<const Route>> routes_;
  uint64_t next_transport_key_ = 1;
  std::map<int, Knowledge> workers_;  // ready ones
  LoadWaits waits_;
  std::map<uint64_t, net::Timers::Handle> deliveries_;
  uint64_t next_delivery_ = 0;
};

}  // namespace penstock::workers
