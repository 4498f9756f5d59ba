// Traps in watm_start_v1().
#include <watm.h>

int32_t watm_start_v1(void) { __builtin_trap(); }
