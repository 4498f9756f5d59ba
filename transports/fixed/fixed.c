// fixed: passes bytes on as they are, to an address that the module itself chooses: the first line
// of its configuration, "host:port", or kDefaultAddress without one. It plays no other role.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include <watm.h>

#include "transports/common/pump.h"

// The discard port of the loopback: a module that nobody configured reaches nobody.
static const char kDefaultAddress[] = "127.0.0.1:9";

static char address[WATM_DIAL_STRING_SIZE_MAX + 1];
static struct pump connection = {.inner_fd = -1, .outer_fd = -1, .control_fd = -1};

// Cuts `address`, of `size` bytes, at the end of its first line.
static int32_t keep_first_line(size_t size) {
  address[size] = '\0';
  address[strcspn(address, "\r\n")] = '\0';
  return address[0] == '\0' ? -EINVAL : 0;
}

int32_t watm_init_v1(void) {
  const int fd = open(WATM_CONFIG_PATH, O_RDONLY);
  if (fd < 0) {
    memcpy(address, kDefaultAddress, sizeof kDefaultAddress);
    return 0;
  }
  const ssize_t size = read(fd, address, sizeof address - 1);
  const int error = errno;
  close(fd);
  return size < 0 ? -error : keep_first_line((size_t)size);
}

int32_t watm_dial_fixed_v1(int32_t internal_fd) {
  if (connection.outer_fd >= 0) return -EBUSY;
  const int32_t network_fd = watm_dial_cstr("tcp", address);
  if (network_fd < 0) return network_fd;
  connection.inner_fd = internal_fd;
  connection.outer_fd = network_fd;
  return network_fd;
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
