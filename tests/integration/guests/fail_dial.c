// Connects, and then finds its handshake wanting.
#include <errno.h>
#include <watm.h>

int32_t watm_dial_v1(int32_t internal_fd) {
  (void)internal_fd;
  const int32_t network_fd = water_dial_fixed();
  return network_fd < 0 ? network_fd : -EPROTO;
}
