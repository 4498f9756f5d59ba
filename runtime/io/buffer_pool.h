#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/shared_counters.h"

namespace penstock {

// Fixed-size I/O buffers, kept for reuse: most recently used first. Buffers in use are bounded by
// the streams' caps; idle ones by `idle_max`. One thread. Outlives its buffers.
class BufferPool final {
 public:
  static constexpr size_t kBufferByteCount = 256 * 1024;

  class Buffer;

  // `in_use_byte_count` is kept at the size of all buffers that are out; may be null. Borrowed.
  BufferPool(size_t idle_max, SharedCounter* in_use_byte_count);
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  // An empty buffer over uninitialised memory.
  Buffer Take();
  size_t idle_count() const { return idle_.size(); }
  size_t in_use_count() const { return in_use_count_; }

 private:
  using Memory = std::unique_ptr<std::byte[]>;
  void Return(Memory memory);

  size_t idle_max_;
  SharedCounter* in_use_byte_count_;
  size_t in_use_count_ = 0;
  std::vector<Memory> idle_;
};

// Bytes that are written at the end and read from the start, in a pool's memory. Move-only; returns
// the memory to its pool. A default-constructed one holds no memory and no bytes.
class BufferPool::Buffer final {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : pool_(std::exchange(other.pool_, nullptr)),
        memory_(std::move(other.memory_)),
        begin_(std::exchange(other.begin_, 0)),
        end_(std::exchange(other.end_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    if (this != &other) {
      Release();
      pool_ = std::exchange(other.pool_, nullptr);
      memory_ = std::move(other.memory_);
      begin_ = std::exchange(other.begin_, 0);
      end_ = std::exchange(other.end_, 0);
    }
    return *this;
  }
  ~Buffer() { Release(); }

  // What was written and not yet consumed.
  std::span<const std::byte> bytes() const { return {memory_.get() + begin_, end_ - begin_}; }
  // Room behind it; Commit() what was written there.
  std::span<std::byte> room() {
    return {memory_.get() + end_, pool_ == nullptr ? 0 : kBufferByteCount - end_};
  }
  void Commit(size_t byte_count) { end_ += byte_count; }
  void Consume(size_t byte_count) { begin_ += byte_count; }
  bool empty() const { return begin_ == end_; }

  // Returns the memory now; the buffer is as default-constructed.
  void Release();

 private:
  friend class BufferPool;
  Buffer(BufferPool& pool, Memory memory) : pool_(&pool), memory_(std::move(memory)) {}

  BufferPool* pool_ = nullptr;
  Memory memory_;
  size_t begin_ = 0;
  size_t end_ = 0;
};

}  // namespace penstock
