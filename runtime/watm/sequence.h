#pragma once

#include <string>

#include "base/end_reason.h"
#include "runtime/wasi/control_pipe.h"
#include "runtime/wasi/fd_table.h"
#include "runtime/wasm/inspector.h"
#include "runtime/watm/guest.h"
#include "runtime/watm/watm_host.h"

namespace penstock::watm {

// Told of the progress of a sequence.
class SequenceObserver {
 public:
  virtual ~SequenceObserver() = default;
  // The role call has succeeded and watm_start_v1 is about to run: the handshake is over.
  virtual void OnActive() = 0;
};

// What a session is run with. All borrowed.
struct SequenceContext {
  wasm::Role role;
  Guest& guest;
  WatmHost& host;
  wasi::FdTable& fds;
  std::shared_ptr<wasi::ControlPipe> control_pipe;
  SequenceObserver& observer;
};

// How a sequence ended. `message` is for people and may quote the guest.
struct SequenceResult {
  EndReason reason = EndReason::kCompleted;
  std::string message;
};

// Runs WATM v1 for one connection on the session's fiber, until the guest is done: initialise,
// configure, take the role, hand over the control pipe, start. A cancelled call is kStopped; the
// session knows why it cancelled and says so instead. Leaves the descriptors open: the session
// closes and drains them whatever the result.
SequenceResult RunSequence(const SequenceContext& context);

// The name of the export that a role is taken by, e.g. "watm_dial_v1".
std::string_view RoleExport(wasm::Role role);

}  // namespace penstock::watm
