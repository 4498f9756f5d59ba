// Traps in watm_dial_v1().
#include <watm.h>

int32_t watm_dial_v1(int32_t internal_fd) {
  (void)internal_fd;
  __builtin_trap();
}
