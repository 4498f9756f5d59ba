#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock {

// Why a session ended: the one closed list behind the log field, the session record and the metric
// label `reason`. Values are written to the channel between penstockd and its workers.
enum class EndReason : uint8_t {
  kCompleted,         // watm_start_v1 returned 0 or -EPIPE
  kStopped,           // the transport stopped, the session was terminated, or the server drains
  kSetupFailed,       // the instance could not be made
  kGuestError,        // an export returned any other negative value
  kGuestExit,         // proc_exit where the sequence does not allow it
  kGuestTrap,         // a WebAssembly trap: unreachable, out of bounds, stack exhausted, ...
  kBadDescriptor,     // a role call returned a descriptor that it did not obtain
  kDialFailed,        // the module's dial failed, and so did the module
  kUpstreamFailed,    // the listener's upstream could not be reached
  kHandshakeTimeout,  // the role call had not returned in time
  kIdleTimeout,       // no byte moved in either direction for too long
  kLifetime,          // the session's longest life was reached
  kCpuLimit,          // the guest ran too long without waiting for anything
  kMemoryLimit,       // the guest exhausted the engine's heap
  kWorkerLost,        // its worker process died
};
inline constexpr size_t kEndReasonCount = 15;

// In the order of EndReason: the metric label and log field, lower_snake_case.
inline constexpr std::array<std::string_view, kEndReasonCount> kEndReasonNames = {
    "completed",    "stopped",        "setup_failed", "guest_error",     "guest_exit",
    "guest_trap",   "bad_descriptor", "dial_failed",  "upstream_failed", "handshake_timeout",
    "idle_timeout", "lifetime",       "cpu_limit",    "memory_limit",    "worker_lost",
};

constexpr std::string_view EndReasonName(EndReason reason) {
  return kEndReasonNames[static_cast<size_t>(reason)];
}

}  // namespace penstock
