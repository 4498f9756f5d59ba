// Moves bytes between two connections until both directions have ended: the part of a transport
// module's watm_start_v1() that does not depend on the transport.
#pragma once

#include <stddef.h>
#include <stdint.h>

// Changes `size` bytes in place, on their way from one connection to the other. It sees a stream in
// pieces of any size, so what it does to a byte must not depend on where a piece begins or ends.
typedef void (*pump_transform)(uint8_t* bytes, size_t size);

// A connection between two descriptors. The caller keeps ownership of all three.
struct pump {
  int inner_fd;             // the plain side; on a relay, the connection that came in
  int outer_fd;             // the network; on a relay, the connection that went out
  int control_fd;           // the host's control pipe
  pump_transform outbound;  // for bytes from inner to outer; NULL passes them as they are
  pump_transform inbound;   // for bytes from outer to inner; likewise
};

// Pumps until both directions ended, the host asks for the end, or a connection fails. Makes both
// connections non-blocking. The end of one direction is passed on as a half-close, while the other
// direction goes on. Allocates nothing; runs once in an instance's life.
//
// Returns 0 when both directions ended, -ECANCELED when the control pipe asked for the end, -EPIPE
// when a peer went away, else minus the errno of the call that failed: a value for watm_start_v1().
int32_t pump_run(const struct pump* pump);
