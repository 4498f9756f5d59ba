// Returns its standard output as the connection.
#include <watm.h>

int32_t watm_dial_v1(int32_t internal_fd) {
  (void)internal_fd;
  return 1;
}
