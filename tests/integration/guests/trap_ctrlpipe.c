// Traps in watm_ctrlpipe_v1().
#include <watm.h>

int32_t watm_ctrlpipe_v1(int32_t ctrl_fd) {
  (void)ctrl_fd;
  __builtin_trap();
}
