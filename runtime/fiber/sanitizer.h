#pragma once

#include <cstddef>

#if defined(__has_feature)
#define PENSTOCK_HAS_FEATURE(x) __has_feature(x)
#else
#define PENSTOCK_HAS_FEATURE(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || PENSTOCK_HAS_FEATURE(address_sanitizer)
#define PENSTOCK_ASAN 1
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define PENSTOCK_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || PENSTOCK_HAS_FEATURE(thread_sanitizer)
#define PENSTOCK_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define PENSTOCK_TSAN 0
#endif

// What AddressSanitizer and ThreadSanitizer must be told of every change of stack. Compiles to
// nothing in other builds.
namespace penstock::sanitizer {

// The sanitizers' view of one stack. Not copied; lives as long as the stack is in use.
class StackView final {
 public:
  // The thread's own stack; its bounds are learnt at the first switch away.
  StackView() {
#if PENSTOCK_TSAN
    tsan_fiber_ = __tsan_get_current_fiber();
#endif
  }
  StackView([[maybe_unused]] const void* low, [[maybe_unused]] size_t byte_count) {
#if PENSTOCK_ASAN
    low_ = low;
    byte_count_ = byte_count;
#endif
#if PENSTOCK_TSAN
    tsan_fiber_ = __tsan_create_fiber(0);
    owns_tsan_fiber_ = true;
#endif
  }
  ~StackView() {
#if PENSTOCK_TSAN
    if (owns_tsan_fiber_) __tsan_destroy_fiber(tsan_fiber_);
#endif
  }
  StackView(const StackView&) = delete;
  StackView& operator=(const StackView&) = delete;

  // On this stack, just before the switch to `next`.
  void Leave([[maybe_unused]] const StackView& next) { SwitchTo(next, &fake_stack_); }
  // As Leave(), when this stack will never run again.
  void LeaveForEver([[maybe_unused]] const StackView& next) { SwitchTo(next, nullptr); }

  // On this stack, just after a switch from `previous`.
  void Enter([[maybe_unused]] StackView& previous) {
#if PENSTOCK_ASAN
    __sanitizer_finish_switch_fiber(fake_stack_, &previous.low_, &previous.byte_count_);
#endif
  }

 private:
  void SwitchTo([[maybe_unused]] const StackView& next, [[maybe_unused]] void** fake_stack) {
#if PENSTOCK_ASAN
    __sanitizer_start_switch_fiber(fake_stack, next.low_, next.byte_count_);
#endif
#if PENSTOCK_TSAN
    __tsan_switch_to_fiber(next.tsan_fiber_, 0);
#endif
  }

  void* fake_stack_ = nullptr;
#if PENSTOCK_ASAN
  const void* low_ = nullptr;
  size_t byte_count_ = 0;
#endif
#if PENSTOCK_TSAN
  void* tsan_fiber_ = nullptr;
  bool owns_tsan_fiber_ = false;
#endif
};

// A finished fiber never returns from its outermost frames, whose red zones would trip the next
// user of the memory.
inline void ForgetStackFrames([[maybe_unused]] void* low, [[maybe_unused]] size_t byte_count) {
#if PENSTOCK_ASAN
  ASAN_UNPOISON_MEMORY_REGION(low, byte_count);
#endif
}

}  // namespace penstock::sanitizer
