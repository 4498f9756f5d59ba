// A well-behaved transport in every role. A hostile guest defines the one function in which it
// misbehaves; the linker takes the rest from here.
#include <errno.h>
#include <watm.h>

#include "transports/common/pump.h"

#define DEFAULT __attribute__((weak))

static struct pump connection = {.inner_fd = -1, .outer_fd = -1, .control_fd = -1};

static int32_t connect_ends(int32_t inner_fd, int32_t outer_fd) {
  connection.inner_fd = inner_fd;
  connection.outer_fd = outer_fd;
  return outer_fd;
}

DEFAULT int32_t watm_init_v1(void) { return 0; }

DEFAULT int32_t watm_dial_v1(int32_t internal_fd) {
  return connect_ends(internal_fd, water_dial_fixed());
}

DEFAULT int32_t watm_accept_v1(int32_t internal_fd) {
  return connect_ends(internal_fd, water_accept());
}

DEFAULT int32_t watm_associate_v1(void) {
  const int32_t accepted_fd = water_accept();
  if (accepted_fd < 0) return accepted_fd;
  const int32_t dialed_fd = connect_ends(accepted_fd, water_dial_fixed());
  return dialed_fd < 0 ? dialed_fd : 0;
}

DEFAULT int32_t watm_ctrlpipe_v1(int32_t ctrl_fd) {
  connection.control_fd = ctrl_fd;
  return 0;
}

DEFAULT int32_t watm_start_v1(void) { return pump_run(&connection); }
