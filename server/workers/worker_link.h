#pragma once

#include <memory>
#include <vector>

#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "server/workers/protocol.h"

namespace penstock::workers {

// A worker as those see it who give it work. The control loop's thread only.
class WorkerLink {
 public:
  virtual ~WorkerLink() = default;
  // The number of its place, the same for every process that ever runs there.
  virtual int index() const = 0;
  // Never fails for the caller: a worker that cannot be sent to is killed, and lost a moment later.
  virtual void Send(const pb::ToWorker& message, std::vector<UniqueFd> fds) = 0;
  void Send(const pb::ToWorker& message) { Send(message, {}); }
  // Of the process that runs now.
  virtual const std::shared_ptr<SharedCounters>& counters() const = 0;
};

}  // namespace penstock::workers
