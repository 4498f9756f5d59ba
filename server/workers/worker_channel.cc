#include "server/workers/worker_channel.h"

#include <string>
#include <utility>

#include "base/status.h"

namespace penstock::workers {
namespace {

// Messages taken before other events of the loop get their turn.
constexpr size_t kBatchMax = 64;
// What a dead worker may have left in the kernel's buffer is far less.
constexpr size_t kDrainMax = SeqpacketSocket::kQueueMax;

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerChannel>> WorkerChannel::Create(asio::io_context& io,
                                                                     SeqpacketSocket socket,
                                                                     Callbacks callbacks) {
  std::unique_ptr<WorkerChannel> channel(
      new WorkerChannel(io, std::move(socket), std::move(callbacks)));
  ASSIGN_OR_RETURN(auto watch, net::FdWatch::Create(io, channel->socket_.fd()));
  channel->watch_.emplace(std::move(watch));
  channel->AwaitReadable();
  return channel;
}

void WorkerChannel::Send(const pb::ToWorker& message, std::vector<UniqueFd> fds) {
  if (failed_ || failure_ != nullptr) return;
  absl::Status sent = socket_.Send(Encode(message, std::move(fds)));
  if (!sent.ok()) return FailSoon(std::move(sent));
  if (socket_.wants_write()) AwaitWritable();
}

void WorkerChannel::FailSoon(absl::Status status) {
  failure_ = timers_.After({}, [this, status = std::move(status)] { Fail(status); });
}

void WorkerChannel::AwaitWritable() {
  if (std::exchange(awaits_writable_, true)) return;
  watch_->AwaitWritable([this] {
    awaits_writable_ = false;
    const absl::Status flushed = socket_.Flush();
    if (!flushed.ok()) return Fail(flushed);
    if (socket_.wants_write()) AwaitWritable();
  });
}

void WorkerChannel::AwaitReadable() {
  watch_->AwaitReadable([this] {
    Deliver(kBatchMax);
    if (!failed_) AwaitReadable();
  });
}

void WorkerChannel::Drain() { Deliver(kDrainMax); }

void WorkerChannel::Deliver(size_t count_max) {
  for (size_t i = 0; i < count_max && !failed_; ++i) {
    absl::StatusOr<std::optional<Packet>> packet = socket_.Receive();
    // A worker that died with messages unread shows first as a reset, and only then what it had
    // said. At the end of the connection the second look says the same as the first.
    if (absl::IsUnavailable(packet.status())) packet = socket_.Receive();
    if (absl::IsDataLoss(packet.status())) {
      Fail(absl::InvalidArgumentError(std::string(MessageOf(packet.status()))));
    } else if (!packet.ok()) {
      Fail(packet.status());
    } else if (!packet->has_value()) {
      return;
    } else {
      const absl::StatusOr<pb::FromWorker> message = Decode(**packet);
      const absl::Status status = message.ok() ? callbacks_.on_message(*message) : message.status();
      if (!status.ok()) Fail(absl::InvalidArgumentError(std::string(MessageOf(status))));
    }
  }
}

void WorkerChannel::Fail(const absl::Status& status) {
  if (std::exchange(failed_, true)) return;
  watch_.reset();
  callbacks_.on_failure(status);
}

}  // namespace penstock::workers
