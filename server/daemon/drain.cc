#include "server/daemon/drain.h"

#include <algorithm>
#include <utility>

namespace penstock::daemon {

void Drain::Begin(std::chrono::nanoseconds timeout) {
  steps_.stop_accepting();
  timeout_ = loop_.After(timeout, [this] { StopWorkers(); });
  // Posted: the registry must not be unsubscribed from within its own call.
  const auto look = [this, weak = std::weak_ptr<Drain*>(life_)] {
    loop_.Post([weak] {
      const auto life = weak.lock();
      if (life && !(*life)->HasSessions()) (*life)->StopWorkers();
    });
  };
  subscription_ = registry_.Subscribe([look](const domain::Session& session) {
    if (session.state == domain::SessionState::kEnded) look();
  });
  look();
}

bool Drain::HasSessions() const {
  const auto live = registry_.totals().live;
  return std::any_of(live.begin(), live.end(), [](uint64_t count) { return count > 0; });
}

void Drain::StopWorkers() {
  if (std::exchange(stopping_workers_, true)) return;
  subscription_.reset();
  timeout_.reset();
  steps_.stop_workers(steps_.done);
}

}  // namespace penstock::daemon
