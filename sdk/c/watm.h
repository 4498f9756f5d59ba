/* WATM v1: the interface between a WebAssembly transport module and its host, for C and C++.
 *
 * A transport module carries one connection per instance. It is a wasm32-wasi *reactor*: the host
 * calls its exports, one at a time, never re-entrantly, and the module calls the three imports and
 * WASI preview 1 (read, write, poll, fcntl, shutdown, close of wasi-libc work on the descriptors).
 *
 *   clang --target=wasm32-wasi -mexec-model=reactor -O2 -I sdk/c -o mine.wasm mine.c
 *
 * What happens for one connection:
 *
 *   1. _initialize()           constructors; wasi-libc supplies it
 *   2. watm_init_v1()          the module reads its configuration
 *   3. one role call           what the instance is for:
 *        watm_dial_v1(fd)        dialer; the module calls water_dial_fixed()
 *        watm_dial_fixed_v1(fd)  dialer to an address of the module's own; it calls water_dial()
 *        watm_accept_v1(fd)      listener; the module calls water_accept()
 *        watm_associate_v1()     relay; the module calls water_accept() and then a dial
 *   4. watm_ctrlpipe_v1(fd)    the descriptor on which the host will announce the end
 *   5. watm_start_v1()         moves bytes until the connection is over
 *
 * (The names of the dials do cross: "fixed" is the *operator's* address in water_dial_fixed, and
 * the *module's* in watm_dial_fixed_v1.)
 *
 * Results. A value >= 0 is a descriptor or success; a value < 0 is minus a WASI errno, which is
 * minus an errno of wasi-libc's <errno.h>, for the numbers are the same. Keep to 1..75: a number
 * that WASI does not define makes some hosts fail in ways of their own.
 *
 * Descriptors. They are ordinary WASI descriptors, blocking until the module sets O_NONBLOCK. The
 * instance owns every descriptor that it was given or that it obtained: it may close one as soon as
 * it is done with it, and need not: when watm_start_v1() returns, the host delivers what the module
 * wrote and closes them all.
 *
 * A module exports what it defines. watm_init_v1, watm_ctrlpipe_v1 and watm_start_v1 are required;
 * of the role calls it defines those it can play.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where the module finds its configuration. Absent when the operator gave none: the directory
 * itself is missing then. The operator may have put more files beside it. All are read-only. */
#define WATM_CONFIG_PATH "/conf/watm.cfg"

/* The only message of the control pipe. Treat any readable byte, and its end, alike. */
#define WATM_CTRL_EXIT 0x00

/* Longest network name and longest address that water_dial() takes, bytes. */
#define WATM_DIAL_STRING_SIZE_MAX 256

#define WATM_IMPORT(name) __attribute__((import_module("env"), import_name(#name)))
#define WATM_EXPORT(name) __attribute__((export_name(#name)))

/* ---- What the host offers: imports from module "env" --------------------------------------- */

/* A piece of a string in the module's memory: WASI's `ciovec`. */
struct watm_ciovec {
  const void* data;
  size_t size; /* bytes */
};

/* Connects to an address that the module names.
 *
 * Both strings are given in pieces, which the host joins; the counts are numbers of pieces. They
 * need no terminating NUL.
 *   network  "tcp", "tcp4" or "tcp6"
 *   address  "host:port"; the host may be a name, an IPv4 address or an IPv6 address in brackets
 *
 * Blocks until the connection stands. May be called again, before or after success: a module may
 * race several addresses.
 *
 * Returns the connection's descriptor, or
 *   -ENOTCONN  not reached, for any reason of the network, or not permitted by the operator
 *   -EINVAL    a piece outside memory, a string over WATM_DIAL_STRING_SIZE_MAX, unknown network
 *   -ENODEV    the instance's role does not dial
 *   -EMFILE    no descriptor left
 */
WATM_IMPORT(water_dial)
int32_t water_dial(const struct watm_ciovec* network, int32_t network_count,
                   const struct watm_ciovec* address, int32_t address_count);

/* Connects to the address that the operator configured, which the module need not know.
 *
 * Returns the connection's descriptor, or -ENOTCONN, -EMFILE as water_dial(), or
 *   -ENODEV    the operator configured no address
 */
WATM_IMPORT(water_dial_fixed)
int32_t water_dial_fixed(void);

/* Takes the connection that came in from the network.
 *
 * Returns its descriptor, or
 *   -ENODEV    the instance's role has no incoming connection
 *   -ENOTCONN  it is gone already
 *   -EINVAL    it was taken before: there is one for each instance
 *   -EMFILE    no descriptor left
 */
WATM_IMPORT(water_accept)
int32_t water_accept(void);

/* ---- What the module offers: exports that the host calls ----------------------------------- */

/* Required. Gets the instance ready: reads its configuration, builds its tables. No connection
 * exists yet.
 *
 * Returns 0, or minus an errno, and the session fails. -EINVAL is the customary answer to a
 * configuration that makes no sense.
 */
WATM_EXPORT(watm_init_v1)
int32_t watm_init_v1(void);

/* Dialer: connects `internal_fd`, on which the local application speaks in plain, to the network
 * at the operator's address. The module calls water_dial_fixed() and does its handshake; reads and
 * writes block meanwhile.
 *
 * Returns the network descriptor, which must be one that this very call obtained, or minus an
 * errno: the host's own, passed on, or -EPROTO when the handshake failed.
 */
WATM_EXPORT(watm_dial_v1)
int32_t watm_dial_v1(int32_t internal_fd);

/* Dialer to an address of the module's own choice: as watm_dial_v1() with water_dial(). */
WATM_EXPORT(watm_dial_fixed_v1)
int32_t watm_dial_fixed_v1(int32_t internal_fd);

/* Listener: takes the incoming connection with water_accept(), does its handshake, and will hand
 * the plain side to `internal_fd`, which leads to the application behind.
 *
 * Returns the network descriptor, which must be one that this very call obtained, or minus an
 * errno: the host's own, passed on, or -EPROTO when the handshake failed.
 */
WATM_EXPORT(watm_accept_v1)
int32_t watm_accept_v1(int32_t internal_fd);

/* Relay: takes the incoming connection with water_accept() and makes the outgoing one with
 * water_dial_fixed() or water_dial(). There is no plain side.
 *
 * Returns 0, or minus an errno as above.
 */
WATM_EXPORT(watm_associate_v1)
int32_t watm_associate_v1(void);

/* Required. Takes the control pipe, before watm_start_v1(). The module polls it together with its
 * connections and never writes to it.
 *
 * Returns 0, or minus an errno, and the session fails.
 */
WATM_EXPORT(watm_ctrlpipe_v1)
int32_t watm_ctrlpipe_v1(int32_t ctrl_fd);

/* Required. Moves bytes both ways until the connection is over.
 *
 * Anything readable on the control pipe, its end included, means: finish now. The host waits for a
 * grace period and then ends the instance where it stands.
 *
 * Returns
 *   0 or -EPIPE  the connection ended, as connections do
 *   -ECANCELED   the control pipe asked for the end
 *   -ENOTCONN    called before a role call succeeded
 *   -EBADF       called before watm_ctrlpipe_v1()
 *   another      what went wrong; the session counts as failed
 */
WATM_EXPORT(watm_start_v1)
int32_t watm_start_v1(void);

/* ---- Convenience ---------------------------------------------------------------------------- */

/* water_dial() for two C strings. */
static inline int32_t watm_dial_cstr(const char* network, const char* address) {
  const struct watm_ciovec network_piece = {network, strlen(network)};
  const struct watm_ciovec address_piece = {address, strlen(address)};
  return water_dial(&network_piece, 1, &address_piece, 1);
}

#ifdef __cplusplus
}
#endif
