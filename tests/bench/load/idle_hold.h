#pragma once

#include <functional>

#include "absl/status/statusor.h"
#include "tests/bench/load/measurement.h"
#include "tests/bench/load/report.h"

namespace penstock::bench {

// What the caller of RunIdleHold() decides and hears.
struct IdleHoldControl {
  // Called once, when every connection is open and has echoed a byte, or has failed.
  std::function<void(const Report& report)> on_held;
  // Asked often from then on; true ends the hold.
  std::function<bool()> released;
};

// Opens `options.connection_count` connections, proves each by a byte and its echo, holds them
// until they are released, and proves each once more. A unit is a connection that did all of it.
// The backend echoes.
//
// Fails: when the event loop cannot be made. Connections that fail are failures in the report.
absl::StatusOr<Report> RunIdleHold(const LoadOptions& options, const IdleHoldControl& control);

}  // namespace penstock::bench
