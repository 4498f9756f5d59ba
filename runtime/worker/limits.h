#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

// Every bound of the worker, with its unit and reason.
namespace penstock::worker {

// Bytes of an uploaded module; what penstockd accepts at most.
inline constexpr size_t kModuleByteCountMax = 1ull << 30;

// Bytes of a transport's serialized files.
inline constexpr size_t kTransportFilesByteCountMax = 64ull << 20;

// Text of a SessionEnded and a GuestLog message (worker.proto).
inline constexpr size_t kMessageByteCountMax = 4096;

// Lines of output a second that one guest may have logged, and as many at once after a pause.
inline constexpr double kLogLinesPerSecond = 100;
inline constexpr double kLogLineBurst = 100;

// How often the sessions' time limits are looked at: how late they may be enforced. Idle isolates
// are collected at the same pace, one at a time.
inline constexpr std::chrono::milliseconds kSweepInterval{100};

// What a shutdown may take beyond its grace period, for guests that must be terminated.
inline constexpr std::chrono::seconds kShutdownMargin{3};

// Receive and send buffers kept for reuse (256 KiB each).
inline constexpr size_t kIdleBuffersMax = 64;

}  // namespace penstock::worker
