#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/seqpacket.h"
#include "base/unique_fd.h"
#include "server/net/fd_watch.h"
#include "server/net/timers.h"
#include "server/workers/protocol.h"

namespace penstock::workers {

// penstockd's end of the channel to one worker process.
//
// Threads: the control loop's. Neither callback is called from within Create() or Send(); both may
// be called from Drain(). The channel must not be destroyed within them.
class WorkerChannel final {
 public:
  struct Callbacks {
    // A message that passed Decode(). An error means that the worker broke the protocol.
    std::function<absl::Status(const pb::FromWorker&)> on_message;
    // The channel is of no use any more; called once. UNAVAILABLE: the worker closed it or does not
    // read; INVALID_ARGUMENT: it broke the protocol.
    std::function<void(const absl::Status&)> on_failure;
  };

  static absl::StatusOr<std::unique_ptr<WorkerChannel>> Create(asio::io_context& io,
                                                               SeqpacketSocket socket,
                                                               Callbacks callbacks);

  // Sends or queues; a failure is reported to on_failure later.
  void Send(const pb::ToWorker& message, std::vector<UniqueFd> fds);
  // Delivers what a worker that has ended left behind.
  void Drain();

 private:
  WorkerChannel(asio::io_context& io, SeqpacketSocket socket, Callbacks callbacks)
      : timers_(io), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {}
  void AwaitReadable();
  void AwaitWritable();
  // Delivers what is there, at most `count_max` packets.
  void Deliver(size_t count_max);
  void FailSoon(absl::Status status);
  void Fail(const absl::Status& status);

  net::AsioTimers timers_;
  SeqpacketSocket socket_;
  Callbacks callbacks_;
  std::optional<net::FdWatch> watch_;  // of socket_
  bool awaits_writable_ = false;
  bool failed_ = false;
  net::Timers::Handle failure_;  // a failed Send() that waits to be reported
};

}  // namespace penstock::workers
