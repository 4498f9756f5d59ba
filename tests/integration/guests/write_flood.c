// Writes to its connection without end and never reads.
#include <unistd.h>
#include <watm.h>

static int32_t network_fd;

int32_t watm_dial_v1(int32_t internal_fd) {
  (void)internal_fd;
  network_fd = water_dial_fixed();
  return network_fd;
}

int32_t watm_start_v1(void) {
  static char buffer[65536];
  while (write(network_fd, buffer, sizeof buffer) > 0) {
  }
  return 0;
}
