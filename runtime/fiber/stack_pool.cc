#include "runtime/fiber/stack_pool.h"

#include <sys/mman.h>
#include <unistd.h>

#include "runtime/fiber/sanitizer.h"

namespace penstock {
namespace {

size_t PageByteCount() {
  static const size_t page_byte_count = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  return page_byte_count;
}

}  // namespace

Stack Stack::Map(size_t byte_count) {
  const size_t page = PageByteCount();
  const size_t usable = (byte_count + page - 1) / page * page;
  void* const base = mmap(nullptr, usable + page, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (base == MAP_FAILED) return Stack();
  Stack stack(static_cast<std::byte*>(base) + page, usable);
  if (mprotect(stack.low(), usable, PROT_READ | PROT_WRITE) != 0) return Stack();
  return stack;
}

Stack::~Stack() {
  const size_t page = PageByteCount();
  if (low_ != nullptr) (void)munmap(low_ - page, byte_count_ + page);
}

void Stack::Trim() {
  const size_t kept = 2 * PageByteCount();
  // Cannot fail for a private mapping of our own; if it did, the pages would merely stay.
  if (byte_count_ > kept) (void)madvise(low_, byte_count_ - kept, MADV_DONTNEED);
}

Stack StackPool::Take() {
  if (idle_.empty()) return Stack::Map(stack_byte_count_);
  Stack stack = std::move(idle_.back());
  idle_.pop_back();
  return stack;
}

void StackPool::Return(Stack stack) {
  sanitizer::ForgetStackFrames(stack.low(), stack.byte_count());
  if (idle_.size() >= idle_max_) return;
  if (idle_.size() >= kWarmMax) stack.Trim();
  idle_.push_back(std::move(stack));
}

}  // namespace penstock
