#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/seqpacket.h"
#include "base/unique_fd.h"
#include "penstock/worker/v1/worker.pb.h"
#include "runtime/io/reactor.h"

namespace penstock::worker {

namespace pb = penstock::worker::v1;

// The worker's end of the channel to penstockd.
//
// Threads: the reactor's.
class Channel final : public Reactor::Handler {
 public:
  // Called for each message with the descriptors that came with it, in order.
  using OnMessage = std::function<void(const pb::ToWorker& message, std::vector<UniqueFd> fds)>;

  // `reactor` is borrowed.
  Channel(Reactor& reactor, UniqueFd fd, OnMessage on_message)
      : reactor_(reactor), socket_(std::move(fd)), on_message_(std::move(on_message)) {}
  ~Channel() override;
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // Starts to receive.
  absl::Status Start();

  // Sends, or queues while penstockd is slow. A channel that fails is closed from then on.
  void Send(const pb::FromWorker& message);
  // True while messages wait for penstockd: no time for what may as well be dropped.
  bool congested() const { return socket_.wants_write(); }

  // True once penstockd is gone or speaks nonsense; status() says which.
  bool closed() const { return !status_.ok(); }
  const absl::Status& status() const { return status_; }

  void OnEvents(uint32_t events) override;

 private:
  absl::Status Receive();
  void Fail(absl::Status status);

  Reactor& reactor_;
  SeqpacketSocket socket_;
  const OnMessage on_message_;
  bool watched_ = false;
  absl::Status status_;
};

}  // namespace penstock::worker
