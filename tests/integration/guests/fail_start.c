// Ends at once with an error of its own.
#include <errno.h>
#include <watm.h>

int32_t watm_start_v1(void) { return -EPROTO; }
