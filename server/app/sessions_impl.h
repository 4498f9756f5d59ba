#pragma once

#include "server/app/control_loop.h"
#include "server/app/sessions.h"
#include "server/workers/session_registry.h"
#include "server/workers/worker_pool.h"

namespace penstock::app {

class SessionsImpl final : public Sessions {
 public:
  // All borrowed; the pool must live as long as the loop runs.
  SessionsImpl(const workers::SessionRegistry& registry, workers::WorkerPool& pool,
               ControlLoop& loop)
      : registry_(registry), pool_(pool), loop_(loop) {}

  absl::Status Terminate(const domain::SessionName& name) override;

 private:
  const workers::SessionRegistry& registry_;
  workers::WorkerPool& pool_;
  ControlLoop& loop_;
};

}  // namespace penstock::app
