// Takes all the memory that it can get, touches it, and then traps.
#include <watm.h>

int32_t watm_start_v1(void) {
  enum { kPageSize = 65536 };
  size_t page;
  while ((page = __builtin_wasm_memory_grow(0, 1)) != SIZE_MAX) {
    *(volatile char*)(page * kPageSize) = 1;
  }
  __builtin_trap();
}
