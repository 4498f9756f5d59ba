#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/daemon/config.h"

namespace penstock::daemon {

// A running penstockd: everything wired, begun in order and ended in reverse.
class Daemon {
 public:
  virtual ~Daemon() = default;

  // Takes the state directory, starts the workers and listens. Errors say what stood in the way.
  // Call once in a process, before it has other threads: signals are its own from here on.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Config& config);

  // Serves until SIGTERM or SIGINT has ended it: sessions may go on for a while, workers end, and
  // the caller destroys this. A second signal ends the process at once, with exit code 1.
  virtual void Wait() = 0;
};

}  // namespace penstock::daemon
