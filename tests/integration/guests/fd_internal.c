// Returns the descriptor that it was given instead of one that it obtained.
#include <watm.h>

int32_t watm_dial_v1(int32_t internal_fd) { return internal_fd; }
