#include "tests/bench/load/probe.h"

#include <sys/epoll.h>

#include <array>
#include <span>
#include <utility>

#include "absl/status/statusor.h"
#include "tests/bench/load/socket.h"

namespace penstock::bench {

Probe::Probe(EventLoop& loop, const Clock& clock, OnDone on_done)
    : loop_(loop), clock_(clock), on_done_(std::move(on_done)) {}

void Probe::Start(const sockaddr_in& target) {
  started_at_ = clock_.Now();
  state_ = State::kConnecting;
  absl::StatusOr<UniqueFd> fd = StartConnect(target);
  if (!fd.ok()) {
    Finish(State::kClosed, fd.status());
    return;
  }
  fd_ = *std::move(fd);
  loop_.Add(fd_.get(), EPOLLOUT, *this);
}

void Probe::Repeat() {
  started_at_ = clock_.Now();
  Send();
}

void Probe::Close() {
  state_ = State::kClosed;
  fd_.Reset();
}

void Probe::OnEvents(uint32_t) {
  if (state_ == State::kConnecting) {
    loop_.Modify(fd_.get(), EPOLLIN, *this);
    Send();
  } else {
    Receive();
  }
}

void Probe::Send() {
  state_ = State::kWaiting;
  value_ = static_cast<std::byte>(std::to_integer<unsigned>(value_) + 1);
  const absl::StatusOr<TransferResult> written = WriteSome(fd_.get(), std::span(&value_, 1));
  if (!written.ok()) Finish(State::kClosed, written.status());
}

void Probe::Receive() {
  std::array<std::byte, 2> bytes;
  const absl::StatusOr<TransferResult> read = ReadSome(fd_.get(), bytes);
  if (!read.ok()) {
    Finish(State::kClosed, read.status());
  } else if (read->transfer == Transfer::kEnd) {
    Finish(State::kClosed, absl::UnavailableError("closed by the peer"));
  } else if (read->transfer == Transfer::kSome) {
    const bool echoed =
        state_ == State::kWaiting && read->byte_count == 1 && bytes.front() == value_;
    Finish(echoed ? State::kIdle : State::kClosed,
           echoed ? absl::OkStatus() : absl::DataLossError("not the byte that was sent"));
  }
}

void Probe::Finish(State state, const absl::Status& status) {
  state_ = state;
  if (state == State::kClosed) fd_.Reset();
  on_done_(*this, status);
}

}  // namespace penstock::bench
