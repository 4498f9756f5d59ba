// Traps in watm_init_v1().
#include <watm.h>

int32_t watm_init_v1(void) { __builtin_trap(); }
