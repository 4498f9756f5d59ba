// Hands the host pointers outside its memory; goes on only if every call is refused.
#include <errno.h>
#include <unistd.h>
#include <watm.h>

enum { kOutside = 0x7fffff00 };

int32_t watm_dial_v1(int32_t internal_fd) {
  const struct watm_ciovec* const outside = (const struct watm_ciovec*)kOutside;
  if (water_dial(outside, 1, outside, 1) != -EINVAL) return -EIO;
  const struct watm_ciovec piece = {(const void*)kOutside, 16};
  if (water_dial(&piece, 1, &piece, 1) != -EINVAL) return -EIO;
  if (water_dial(&piece, INT32_MAX, &piece, 1) != -EINVAL) return -EIO;
  if (read(internal_fd, (void*)kOutside, 16) >= 0 || errno != EFAULT) return -EIO;
  if (write(internal_fd, (void*)kOutside, 16) >= 0 || errno != EFAULT) return -EIO;
  return -EPROTO;
}
