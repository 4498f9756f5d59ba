#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "server/domain/names.h"

namespace penstock::workers {

// Who waits for which workers to have loaded a module. With no worker to wait for, a wait goes on
// until the first worker that loads it.
//
// Threads: the control loop's. Callbacks are collected, not called: the caller calls them when its
// own state is in order.
class LoadWaits final {
 public:
  using Done = std::function<void(absl::Status)>;

  // Waits for `workers` (by index) to load `module_key`. A wait of the same transport must have
  // been cancelled.
  void Add(const domain::TransportName& transport, uint64_t module_key, std::set<int> workers,
           Done done);
  // The wait's callback, to be called with the reason for giving it up; empty if there is none.
  Done Take(const domain::TransportName& transport);

  // `worker` has begun to load, has loaded or failed to load the module, or is lost. The functions
  // that are returned deliver the results of waits that are over.
  void OnLoading(int worker, uint64_t module_key);
  std::vector<std::function<void()>> OnLoaded(int worker, uint64_t module_key,
                                              const absl::Status& status);
  std::vector<std::function<void()>> OnLost(int worker);

 private:
  struct Wait {
    uint64_t module_key = 0;
    std::set<int> workers{};  // still to answer
    bool loaded_once = false;
    absl::Status error{};  // the first one
    Done done{};

    // Whether all that can be known is known.
    bool over() const { return workers.empty() && (loaded_once || !error.ok()); }
  };
  std::vector<std::function<void()>> TakeOver();

  std::map<domain::TransportName, Wait> waits_;
};

}  // namespace penstock::workers
