#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/shared_counters.h"

namespace penstock {

// Fixed-size I/O buffers, kept for reuse. Buffers in use are bounded by the streams' caps; idle
// ones by `idle_max`. One thread.
class BufferPool final {
 public:
  static constexpr size_t kBufferByteCount = 256 * 1024;

  class Buffer;  // move-only; returns itself to its pool

  // `in_use_byte_count` may be null. Borrowed.
  BufferPool(size_t idle_max, SharedCounter* in_use_byte_count);
  Buffer Take();
};

}  // namespace penstock
