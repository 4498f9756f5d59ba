// Asks for the incoming connection again; there is only one.
#include <errno.h>
#include <watm.h>

int32_t watm_accept_v1(int32_t internal_fd) {
  (void)internal_fd;
  const int32_t network_fd = water_accept();
  if (network_fd < 0) return network_fd;
  const int32_t second_fd = water_accept();
  return second_fd == -EINVAL ? -EPROTO : network_fd;
}
