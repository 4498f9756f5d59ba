#pragma once

#include <cstdint>
#include <string_view>

#include "absl/status/status.h"

namespace penstock::engine {

// Table elements that any one table may reach: tables live on the engine's own heap, and one that
// grew without bound would exhaust it.
inline constexpr uint32_t kTableElementCountMax = 10'000;

struct EngineOptions {
  // Linear memory that any module of this process may have. One memory.fill cannot be interrupted,
  // so this also bounds the longest time that a guest can hold the processor.
  uint64_t memory_byte_count_max = 1ull << 30;
  // Threads that compile and collect in the background.
  int thread_count = 2;
};

// Starts V8 for this process: flags, the trap handler, a SIGSEGV handler that serves it and chains
// to the one installed before, the platform. Call once, on the thread that will run guests, before
// anything else of this folder. FAILED_PRECONDITION if V8 does not know a flag, cannot guard
// memories by page faults, or does not obey a limit; INVALID_ARGUMENT for bad options.
absl::Status InitEngine(const EngineOptions& options);

// V8's version, for example "10.2.154.26-node.26".
std::string_view EngineVersion();

}  // namespace penstock::engine
