#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "server/app/control_loop.h"
#include "server/workers/session_registry.h"

namespace penstock::daemon {

// The orderly end: no new connections, then time for the sessions, then the workers' end.
//
// Threads: the control loop's. Lifetime: borrows the loop and the registry.
class Drain final {
 public:
  struct Steps {
    std::function<void()> stop_accepting;
    // Ends the sessions that are left and the workers; calls `done` on the loop.
    std::function<void(std::function<void()> done)> stop_workers;
    // Everything is over.
    std::function<void()> done;
  };

  Drain(app::ControlLoop& loop, workers::SessionRegistry& registry, Steps steps)
      : loop_(loop), registry_(registry), steps_(std::move(steps)) {}

  // Begins; sessions may go on for `timeout` at most. Call once.
  void Begin(std::chrono::nanoseconds timeout);

 private:
  bool HasSessions() const;
  void StopWorkers();

  app::ControlLoop& loop_;
  workers::SessionRegistry& registry_;
  const Steps steps_;
  bool stopping_workers_ = false;
  app::ControlLoop::Timer timeout_;
  // Tells posted work whether this still lives.
  const std::shared_ptr<Drain*> life_ = std::make_shared<Drain*>(this);
  workers::SessionRegistry::Subscription subscription_;
};

}  // namespace penstock::daemon
