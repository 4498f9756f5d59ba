// Calls itself without end in watm_init_v1().
#include <watm.h>

// Always true, which the compiler must not know.
static volatile int32_t deeper = 1;

// The addition after the call keeps the compiler from making a loop of it.
__attribute__((noinline)) static int32_t recurse(int32_t depth) {
  return deeper ? recurse(depth + 1) + deeper : depth;
}

int32_t watm_init_v1(void) { return recurse(0); }
