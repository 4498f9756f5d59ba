#pragma once

#include "absl/status/statusor.h"
#include "tests/bench/load/measurement.h"
#include "tests/bench/load/report.h"

namespace penstock::bench {

// Makes sessions one after the other on each of `options.connection_count` lanes: connect, send a
// byte, read its echo, close. A unit is a session. The backend echoes.
//
// Fails: when the event loop cannot be made. Sessions that fail are failures in the report.
absl::StatusOr<Report> RunSessionRate(const LoadOptions& options);

}  // namespace penstock::bench
