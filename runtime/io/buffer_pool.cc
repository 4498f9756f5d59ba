#include "runtime/io/buffer_pool.h"

namespace penstock {

BufferPool::BufferPool(size_t idle_max, SharedCounter* in_use_byte_count)
    : idle_max_(idle_max), in_use_byte_count_(in_use_byte_count) {}

BufferPool::Buffer BufferPool::Take() {
  ++in_use_count_;
  if (in_use_byte_count_ != nullptr) {
    in_use_byte_count_->fetch_add(kBufferByteCount, std::memory_order_relaxed);
  }
  if (idle_.empty()) {
    return Buffer(*this, std::make_unique_for_overwrite<std::byte[]>(kBufferByteCount));
  }
  Memory memory = std::move(idle_.back());
  idle_.pop_back();
  return Buffer(*this, std::move(memory));
}

void BufferPool::Return(Memory memory) {
  --in_use_count_;
  if (in_use_byte_count_ != nullptr) {
    in_use_byte_count_->fetch_sub(kBufferByteCount, std::memory_order_relaxed);
  }
  if (idle_.size() < idle_max_) idle_.push_back(std::move(memory));
}

void BufferPool::Buffer::Release() {
  if (pool_ == nullptr) return;
  std::exchange(pool_, nullptr)->Return(std::move(memory_));
  begin_ = 0;
  end_ = 0;
}

}  // namespace penstock
