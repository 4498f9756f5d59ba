#include "transports/common/roles.h"

#include <errno.h>
#include <watm.h>

// The instance's one connection; -1 until it is known.
static struct pump connection = {.inner_fd = -1, .outer_fd = -1, .control_fd = -1};

int32_t watm_init_v1(void) {
  connection.outbound = transport_codec.encode;
  connection.inbound = transport_codec.decode;
  return 0;
}

// Remembers both ends. Returns `outer_fd`, which may be an error to pass on.
static int32_t connect_ends(int32_t inner_fd, int32_t outer_fd) {
  if (outer_fd < 0) return outer_fd;
  connection.inner_fd = inner_fd;
  connection.outer_fd = outer_fd;
  return outer_fd;
}

int32_t watm_dial_v1(int32_t internal_fd) {
  if (connection.outer_fd >= 0) return -EBUSY;
  return connect_ends(internal_fd, water_dial_fixed());
}

int32_t watm_accept_v1(int32_t internal_fd) {
  if (connection.outer_fd >= 0) return -EBUSY;
  return connect_ends(internal_fd, water_accept());
}

int32_t watm_associate_v1(void) {
  if (connection.outer_fd >= 0) return -EBUSY;
  const int32_t accepted_fd = water_accept();
  if (accepted_fd < 0) return accepted_fd;
  const int32_t dialed_fd = connect_ends(accepted_fd, water_dial_fixed());
  return dialed_fd < 0 ? dialed_fd : 0;
}

int32_t watm_ctrlpipe_v1(int32_t ctrl_fd) {
  connection.control_fd = ctrl_fd;
  return 0;
}

int32_t watm_start_v1(void) {
  if (connection.outer_fd < 0) return -ENOTCONN;
  if (connection.control_fd < 0) return -EBADF;
  return pump_run(&connection);
}
