#pragma once

#include "absl/status/statusor.h"
#include "tests/bench/load/backend.h"
#include "tests/bench/load/measurement.h"
#include "tests/bench/load/report.h"

namespace penstock::bench {

// Streams the pattern through `options.connection_count` connections, as fast as they take it or as
// the window allows, then waits until the last byte has arrived. A unit is a byte that arrived: at
// the backend when it is a sink, back here when it is an echo (`mode` is that of `backend`).
//
// Fails: when the event loop cannot be made. What goes wrong with connections or bytes is a failure
// in the report.
absl::StatusOr<Report> RunBulk(const LoadOptions& options, BackendMode mode,
                               const Backend& backend);

}  // namespace penstock::bench
