#pragma once

#include <cstdint>

#include "base/shared_counters.h"

namespace penstock::engine {

// Adds to a counter that only this thread writes: a plain load and store, no locked instruction.
// Wraps for a "negative" `amount`, which is how gauges go down.
inline void Add(SharedCounter& counter, uint64_t amount) {
  counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

}  // namespace penstock::engine
