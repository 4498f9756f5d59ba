// Refuses its configuration.
#include <errno.h>
#include <watm.h>

int32_t watm_init_v1(void) { return -EINVAL; }
