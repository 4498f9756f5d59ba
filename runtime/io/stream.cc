#include "runtime/io/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock {
namespace {

// Buffers that a closing stream discards before the other streams get their turn.
constexpr int kDiscardBufferMax = 16;

constexpr uint32_t kReadEvents = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;
constexpr uint32_t kWriteEvents = EPOLLOUT | EPOLLHUP | EPOLLERR;
// After these there may be more to receive than the last event announced.
constexpr uint32_t kUnusualEvents = EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR;

// True for TCP sockets, the only ones that have the option.
bool SetNoDelay(int fd) {
  const int on = 1;
  return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) == 0;
}

size_t Scatter(std::span<const std::byte> bytes, std::span<const iovec> parts) {
  size_t copied = 0;
  for (const iovec& part : parts) {
    const size_t fit = std::min(part.iov_len, bytes.size() - copied);
    if (fit > 0) std::memcpy(part.iov_base, bytes.data() + copied, fit);
    copied += fit;
  }
  return copied;
}

void Add(SharedCounter* counter, size_t byte_count) {
  if (counter != nullptr) counter->fetch_add(byte_count, std::memory_order_relaxed);
}

}  // namespace

Stream::Stream(IoContext& io, UniqueFd socket, Fiber& owner, Counters counters)
    : io_(io),
      socket_(std::move(socket)),
      owner_(owner),
      counters_(counters),
      queue_(io.buffers),
      short_receive_empties_(SetNoDelay(socket_.get())) {
  if (!io_.reactor.Add(socket_.get(), this).ok()) {
    inbound_ = Inbound::kFailed;
    inbound_error_ = ENOMEM;
    Break(ENOMEM);
  }
}

Stream::~Stream() { io_.reactor.Remove(socket_.get(), this); }

ReadResult Stream::Read(std::span<const iovec> parts) {
  const ReadResult result = Peek(parts);
  if (result.kind != ReadResult::Kind::kBytes) return result;
  received_.Consume(result.byte_count);
  if (received_.empty()) received_.Release();
  Add(counters_.session_received, result.byte_count);
  Add(counters_.total_received, result.byte_count);
  return result;
}

ReadResult Stream::Peek(std::span<const iovec> parts) {
  if (!readable()) return {.kind = ReadResult::Kind::kWouldBlock};
  if (received_.empty()) return EndOfInbound();
  return {.kind = ReadResult::Kind::kBytes, .byte_count = Scatter(received_.bytes(), parts)};
}

ReadResult Stream::EndOfInbound() const {
  if (read_shut_ || phase_ != Phase::kOpen || inbound_ == Inbound::kEnded) {
    return {.kind = ReadResult::Kind::kEndOfStream};
  }
  return {.kind = ReadResult::Kind::kError, .error = inbound_error_};
}

bool Stream::readable() {
  if (read_shut_ || phase_ != Phase::kOpen) return true;
  if (received_.empty()) Receive();
  return !received_.empty() || inbound_ != Inbound::kFlowing;
}

size_t Stream::buffered_byte_count() const { return received_.bytes().size(); }

// Fills received_, which is empty, if there is anything.
void Stream::Receive() {
  if (!maybe_readable_ || inbound_ != Inbound::kFlowing) return;
  BufferPool::Buffer buffer = io_.buffers.Take();
  const std::span<std::byte> room = buffer.room();
  ssize_t count;
  do {
    count = recv(socket_.get(), room.data(), room.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count > 0) {
    buffer.Commit(static_cast<size_t>(count));
    received_ = std::move(buffer);
    // Whatever arrives after this raises a new event, so the call that says EAGAIN is saved.
    if (received_.bytes().size() < room.size() && short_receive_empties_) maybe_readable_ = false;
  } else if (count < 0 && errno == EAGAIN) {
    maybe_readable_ = false;
  } else {
    // A send may have taken the socket's error, which then looks like an orderly end here. EPIPE
    // is no such error: it tells of a peer that had ended its side before.
    inbound_error_ = count < 0 ? errno : error_ == EPIPE ? 0 : error_;
    inbound_ = inbound_error_ == 0 ? Inbound::kEnded : Inbound::kFailed;
    if (inbound_error_ != 0) Break(inbound_error_);
  }
}

int Stream::Write(std::span<const iovec> parts) {
  if (error_ != 0) return error_;
  if (fin_wanted_ || phase_ != Phase::kOpen) return EPIPE;
  queue_.Append(parts);
  if (queue_.byte_count() >= BufferPool::kBufferByteCount) Flush();
  return error_;
}

void Stream::Flush() {
  if (phase_ == Phase::kClosed) return;
  if (maybe_writable_ && error_ == 0) SendQueued();
  if (fin_wanted_ && !fin_sent_ && queue_.byte_count() == 0 && error_ == 0) {
    fin_sent_ = true;
    // Fails only where the connection is gone, which the receiving side reports in its turn.
    (void)shutdown(socket_.get(), SHUT_WR);
  }
  AdvanceClose();
}

void Stream::SendQueued() {
  const bool was_over_high_water = over_high_water();
  const bool was_over_hard_cap = over_hard_cap();
  const SendQueue::Sent sent = queue_.SendTo(socket_.get());
  Add(counters_.session_sent, sent.byte_count);
  Add(counters_.total_sent, sent.byte_count);
  if (sent.error == EAGAIN) {
    maybe_writable_ = false;
  } else if (sent.error != 0) {
    Break(sent.error);
  }
  // Also when the owner itself is sending: it may have looked before, and be about to park.
  if (was_over_high_water != over_high_water() || was_over_hard_cap != over_hard_cap()) WakeOwner();
}

// Nothing can be sent any more. What was received stays readable.
void Stream::Break(int error) {
  if (error_ == 0) error_ = error;
  queue_.Clear();
  maybe_readable_ = true;
  WakeOwner();
}

void Stream::ShutdownWrite() {
  fin_wanted_ = true;
  Flush();
}

void Stream::ShutdownRead() {
  read_shut_ = true;
  received_.Release();
}

void Stream::OnEvents(uint32_t events) {
  const bool was_maybe_readable = maybe_readable_;
  const bool was_blocked = !maybe_writable_ && queue_.byte_count() > 0;
  if ((events & kUnusualEvents) != 0) short_receive_empties_ = false;
  if ((events & kReadEvents) != 0) maybe_readable_ = true;
  if ((events & kWriteEvents) != 0) {
    maybe_writable_ = true;
    Flush();
  }
  AdvanceClose();
  if (phase_ != Phase::kOpen) return;
  // An owner that has not looked since the last event is awake, or waits for something else.
  const bool drained = was_blocked && queue_.byte_count() == 0;
  if (was_maybe_readable != maybe_readable_ || drained) WakeOwner();
}

void Stream::Close(std::chrono::nanoseconds linger, MonotonicTime deadline) {
  if (phase_ != Phase::kOpen) return;
  phase_ = Phase::kDraining;
  linger_ = linger;
  close_deadline_ = deadline;
  ShutdownRead();
  ShutdownWrite();
}

// Goes as far with an orderly close, if one was started, as the connection lets it.
void Stream::AdvanceClose() {
  if (phase_ == Phase::kOpen || phase_ == Phase::kClosed) return;
  // Also before the queue is sent: a peer that is stuck writing does not read.
  DiscardInbound();
  if (phase_ == Phase::kDraining && fin_sent_) {
    phase_ = Phase::kLingering;
    const MonotonicTime now = io_.scheduler.clock().Now();
    linger_end_ = linger_ < kNoDeadline - now ? now + linger_ : kNoDeadline;
  }
  const bool over = phase_ == Phase::kLingering &&
                    (inbound_ != Inbound::kFlowing || linger_ <= std::chrono::nanoseconds(0));
  if (over || error_ != 0) CloseSocket();
}

void Stream::DiscardInbound() {
  for (int left = kDiscardBufferMax; maybe_readable_ && inbound_ == Inbound::kFlowing; --left) {
    if (left == 0) {
      io_.reactor.Rearm(socket_.get());
      return;
    }
    Receive();
    received_.Release();
  }
}

void Stream::CloseSocket() {
  phase_ = Phase::kClosed;
  io_.reactor.Remove(socket_.get(), this);
  socket_.Reset();
  received_.Release();
  queue_.Clear();
  WakeOwner();
}

bool Stream::closed() const { return phase_ == Phase::kClosed; }

MonotonicTime Stream::close_deadline() const {
  switch (phase_) {
    case Phase::kDraining:
      return close_deadline_;
    case Phase::kLingering:
      return std::min(close_deadline_, linger_end_);
    case Phase::kOpen:
    case Phase::kClosed:
      break;
  }
  return kNoDeadline;
}

void Stream::Tick(MonotonicTime now) {
  if (now < close_deadline()) return;
  if (phase_ == Phase::kDraining || now >= close_deadline_) {
    Reset();
  } else if (phase_ == Phase::kLingering) {
    CloseSocket();
  }
}

void Stream::Reset() {
  if (phase_ == Phase::kClosed) return;
  const linger abort{.l_onoff = 1, .l_linger = 0};
  // Without it (no TCP) the peer sees a plain end, or a reset if it had sent more than was read.
  (void)setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort));
  CloseSocket();
}

int Stream::error() const { return error_; }

int Stream::fd() const { return socket_.get(); }

}  // namespace penstock
