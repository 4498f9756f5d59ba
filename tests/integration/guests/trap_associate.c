// Traps in watm_associate_v1().
#include <watm.h>

int32_t watm_associate_v1(void) { __builtin_trap(); }
