#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/end_reason.h"
#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/stream.h"
#include "runtime/v8/host_pool.h"
#include "runtime/wasi/control_pipe.h"
#include "runtime/wasi/stream_set.h"
#include "runtime/watm/dialer.h"
#include "runtime/watm/sequence.h"
#include "runtime/worker/channel.h"
#include "runtime/worker/guest_log.h"
#include "runtime/worker/transport.h"

namespace penstock::worker {

// What all sessions of a worker share. Borrowed; outlives them.
struct SessionContext {
  IoContext& io;
  engine::HostPool& pool;
  Channel& channel;
  WorkerCounters& counters;
  const Clock& clock;
};

// What a session is started with.
struct SessionStart {
  uint64_t id = 0;
  std::shared_ptr<const Transport> transport;
  SessionCounters* counters = nullptr;  // its slot; borrowed
  UniqueFd connection;                  // that was accepted; non-blocking
};

// One connection carried by one instance, on a fiber of its own: instantiate, run the WATM
// sequence, deliver what the guest wrote, say how it ended. Its times are enforced from outside, by
// Check().
//
// Threads: the worker's.
class Session final : private watm::SequenceObserver, private watm::Dialer {
 public:
  // `on_ended` is called on the fiber after the session's last message; it may destroy the session,
  // which does nothing more.
  Session(const SessionContext& context, SessionStart start, std::function<void()> on_ended);
  ~Session() override;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Puts the session on a fiber. False, with nothing said to penstockd, when there is no stack
  // left.
  [[nodiscard]] bool Start();

  // penstockd's answer to a dial. `socket` is empty when it failed. Late or unknown ones are
  // ignored.
  void OnDialResult(uint32_t dial_id, UniqueFd socket, std::string error);

  // Asks the guest to end, and cuts the session when the grace period has passed. A later call can
  // only bring that forward.
  void Stop(std::chrono::nanoseconds grace);

  // Enforces the times that have passed.
  void Check(MonotonicTime now);

  std::chrono::nanoseconds stop_grace() const { return start_.transport->limits.stop_grace; }

 private:
  struct PendingDial {
    uint32_t id;
    std::optional<watm::DialReply> reply;
  };

  void Main();
  void ReportEnd(EndReason reason, std::string_view message);
  watm::SequenceResult Carry();
  // Makes the instance and runs the sequence in it.
  watm::SequenceResult RunGuest(wasi::FdTable& fds, wasi::StreamSet& streams);
  // Waits until everything that was written is delivered, or the session is cancelled.
  void Drain(wasi::StreamSet& streams);
  // Ends the session for `reason`, wherever it is.
  void Cancel(EndReason reason);

  // watm::SequenceObserver
  void OnActive() override;
  // watm::Dialer
  bool Configured(watm::DialRequest::Target target) const override;
  watm::DialReply Dial(const watm::DialRequest& request) override;

  watm::StreamCounters Counters();
  uint64_t PayloadByteCount() const;

  const SessionContext context_;
  SessionStart start_;
  const std::function<void()> on_ended_;
  Fiber* fiber_ = nullptr;  // while it runs

  GuestLog log_;
  std::shared_ptr<wasi::ControlPipe> control_pipe_;  // while the guest exists
  std::optional<PendingDial> dial_;
  uint32_t last_dial_id_ = 0;
  bool active_ = false;

  std::optional<EndReason> cancel_reason_;
  const MonotonicTime started_;
  MonotonicTime stop_deadline_ = kNoDeadline;
  MonotonicTime payload_seen_;  // when it last moved
  uint64_t payload_byte_count_ = 0;
};

}  // namespace penstock::worker
