#include "runtime/worker/channel.h"

#include <optional>
#include <utility>

#include "base/status.h"

namespace penstock::worker {

Channel::~Channel() {
  if (watched_) reactor_.Remove(socket_.fd(), this);
}

absl::Status Channel::Start() {
  RETURN_IF_ERROR(reactor_.Add(socket_.fd(), this));
  watched_ = true;
  return absl::OkStatus();
}

void Channel::Send(const pb::FromWorker& message) {
  if (closed()) return;
  Packet packet;
  if (!message.SerializeToString(&packet.bytes)) {
    return Fail(absl::InternalError("a message does not serialize"));
  }
  Fail(socket_.Send(std::move(packet)));
}

void Channel::OnEvents(uint32_t) {
  if (closed()) return;
  Fail(socket_.Flush());
  if (!closed()) Fail(Receive());
}

absl::Status Channel::Receive() {
  // Edge-triggered: everything that is there.
  for (;;) {
    ASSIGN_OR_RETURN(std::optional<Packet> packet, socket_.Receive());
    if (!packet) return absl::OkStatus();
    pb::ToWorker message;
    if (!message.ParseFromString(packet->bytes)) {
      return absl::InvalidArgumentError("penstockd sent what is no message");
    }
    on_message_(message, std::move(packet->fds));
  }
}

void Channel::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

}  // namespace penstock::worker
