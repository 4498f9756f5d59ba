#pragma once

#include "absl/status/statusor.h"
#include "tests/bench/load/measurement.h"
#include "tests/bench/load/report.h"

namespace penstock::bench {

// The longest message: one that a fresh socket takes whole.
inline constexpr size_t kMessageMax_bytes = 16 * 1024;

// Sends a message of `options.message_byte_count` on each connection and the next one when its echo
// is complete. A unit is an exchange. The backend echoes.
//
// Fails: when the event loop cannot be made, INVALID_ARGUMENT for a message over
// kMessageMax_bytes.
absl::StatusOr<Report> RunPingPong(const LoadOptions& options);

}  // namespace penstock::bench
