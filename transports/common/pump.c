#include "transports/common/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

// Large enough that host calls cost little beside the bytes, small enough that an idle instance
// which has once been busy holds only two of them.
enum { kBufferSize = 16 * 1024 };

// One direction: bytes that were read from `source` and are not written to `sink` yet are
// buffer[begin, end).
struct direction {
  int source;
  int sink;
  pump_transform transform;
  size_t begin;
  size_t end;
  bool ended;  // the source's end was seen and passed on
  uint8_t buffer[kBufferSize];
};

// Static, because 32 KiB would be half of the stack.
static struct direction outbound;
static struct direction inbound;

static void direction_init(struct direction* direction, int source, int sink,
                           pump_transform transform) {
  direction->source = source;
  direction->sink = sink;
  direction->transform = transform;
  direction->begin = direction->end = 0;
  direction->ended = false;
}

static bool has_pending(const struct direction* direction) {
  return direction->begin < direction->end;
}

// What the direction waits for: room in its sink while it holds bytes, else more from its source.
static struct pollfd interest(const struct direction* direction) {
  if (direction->ended) return (struct pollfd){.fd = -1};
  if (has_pending(direction)) return (struct pollfd){.fd = direction->sink, .events = POLLOUT};
  return (struct pollfd){.fd = direction->source, .events = POLLIN};
}

// A peer that is gone is a connection's ordinary end, whichever call noticed it.
static int32_t failure(int error) {
  const bool gone = error == ECONNRESET || error == ENOTCONN || error == ECONNABORTED;
  return gone ? -EPIPE : -error;
}

// Writes what is pending, as much as the sink takes. A host may take less than all.
static int32_t flush(struct direction* direction) {
  while (has_pending(direction)) {
    const ssize_t written = write(direction->sink, direction->buffer + direction->begin,
                                  direction->end - direction->begin);
    if (written < 0) return errno == EAGAIN ? 0 : failure(errno);
    direction->begin += (size_t)written;
  }
  direction->begin = direction->end = 0;
  return 0;
}

// Passes the source's end on. The sink may be gone already; then there is nobody left to tell.
static void finish(struct direction* direction) {
  direction->ended = true;
  shutdown(direction->sink, SHUT_WR);
}

// Does what is possible without waiting: flushes, or reads one buffer and writes it.
static int32_t advance(struct direction* direction) {
  if (direction->ended) return 0;
  if (has_pending(direction)) return flush(direction);
  const ssize_t count = read(direction->source, direction->buffer, kBufferSize);
  if (count < 0) return errno == EAGAIN ? 0 : failure(errno);
  if (count == 0) {
    finish(direction);
    return 0;
  }
  direction->end = (size_t)count;
  if (direction->transform != NULL) direction->transform(direction->buffer, direction->end);
  return flush(direction);
}

static int32_t make_nonblocking(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  return 0;
}

// Waits until something can be done. A descriptor that nobody waits for is left out rather than
// passed as -1: WASI, unlike POSIX, has no entry that is skipped. Sets `*cancelled` when the
// control pipe has anything to say.
static int32_t wait_for_work(int control_fd, bool* cancelled) {
  struct pollfd entries[3] = {{.fd = control_fd, .events = POLLIN}};
  nfds_t count = 1;
  const struct pollfd wanted[] = {interest(&outbound), interest(&inbound)};
  for (size_t i = 0; i < 2; ++i) {
    if (wanted[i].fd >= 0) entries[count++] = wanted[i];
  }
  if (poll(entries, count, -1) < 0) return -errno;
  *cancelled = entries[0].revents != 0;
  return 0;
}

int32_t pump_run(const struct pump* pump) {
  direction_init(&outbound, pump->inner_fd, pump->outer_fd, pump->outbound);
  direction_init(&inbound, pump->outer_fd, pump->inner_fd, pump->inbound);
  int32_t status = make_nonblocking(pump->inner_fd);
  if (status == 0) status = make_nonblocking(pump->outer_fd);
  bool cancelled = false;
  while (status == 0 && !(outbound.ended && inbound.ended)) {
    status = wait_for_work(pump->control_fd, &cancelled);
    if (status == 0 && cancelled) return -ECANCELED;
    // Both directions try, ready or not: a call that cannot proceed costs less than finding out.
    if (status == 0) status = advance(&outbound);
    if (status == 0) status = advance(&inbound);
  }
  return status;
}
