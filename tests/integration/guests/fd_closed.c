// Returns a connection that it has closed.
#include <unistd.h>
#include <watm.h>

int32_t watm_dial_v1(int32_t internal_fd) {
  (void)internal_fd;
  const int32_t network_fd = water_dial_fixed();
  if (network_fd >= 0) close(network_fd);
  return network_fd;
}
