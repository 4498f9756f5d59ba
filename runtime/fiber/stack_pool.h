#pragma once

#include <cstddef>
#include <utility>
#include <vector>

namespace penstock {

// Memory for one fiber's stack, above a guard page that faults on overflow. Move-only; unmaps
// itself.
class Stack final {
 public:
  Stack() = default;
  Stack(Stack&& other) noexcept
      : low_(std::exchange(other.low_, nullptr)),
        byte_count_(std::exchange(other.byte_count_, 0)) {}
  Stack& operator=(Stack&& other) noexcept {
    std::swap(low_, other.low_);
    std::swap(byte_count_, other.byte_count_);
    return *this;
  }
  ~Stack();

  // Reserves `byte_count` usable bytes, rounded up to whole pages. Empty if the kernel refuses.
  static Stack Map(size_t byte_count);

  explicit operator bool() const { return low_ != nullptr; }
  std::byte* low() const { return low_; }  // lowest usable address
  std::byte* high() const { return low_ + byte_count_; }
  size_t byte_count() const { return byte_count_; }

  // Gives touched pages back to the kernel, but for the topmost, which every use touches.
  void Trim();

 private:
  Stack(std::byte* low, size_t byte_count) : low_(low), byte_count_(byte_count) {}

  std::byte* low_ = nullptr;
  size_t byte_count_ = 0;
};

// Stacks of one size, kept for reuse: most recently used first. One thread.
class StackPool final {
 public:
  // Idle stacks that keep their touched pages, because they are soon used again; the rest are
  // trimmed, which costs more than a page fault for every page at the next use.
  static constexpr size_t kWarmMax = 32;

  StackPool(size_t stack_byte_count, size_t idle_max)
      : stack_byte_count_(stack_byte_count), idle_max_(idle_max) {}

  // Empty if the kernel gives no more memory or mappings.
  Stack Take();
  void Return(Stack stack);
  size_t idle_count() const { return idle_.size(); }

 private:
  size_t stack_byte_count_;
  size_t idle_max_;
  std::vector<Stack> idle_;
};

}  // namespace penstock
