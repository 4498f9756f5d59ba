#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/buffer_pool.h"
#include "runtime/io/reactor.h"
#include "runtime/io/send_queue.h"

namespace penstock {

// What every stream of a worker shares. Borrowed by the streams; outlives them.
struct IoContext {
  Reactor& reactor;
  Scheduler& scheduler;
  BufferPool& buffers;
};

// Outcome of a read.
struct [[nodiscard]] ReadResult {
  enum class Kind { kBytes, kEndOfStream, kWouldBlock, kError };
  Kind kind;
  size_t byte_count = 0;  // kBytes; at least 1
  int error = 0;          // kError: an errno value
};

// One end of a connected stream socket, with a pooled receive buffer and a queue of pooled send
// buffers that drains without its owner.
//
// Writing takes everything: guests die on short writes and resend after EAGAIN. Whoever owns the
// stream watches over_high_water() (the guest's other descriptors then look empty) and
// over_hard_cap() (then the writer waits).
//
// Every change (readable, queue below a mark or drained by itself, error, closed) calls Ready() on
// the owning fiber. FIN, RST and errors are seen only after the data that came before them.
//
// Threads: the reactor's; on the owner's fiber, another's or none.
// Source:  epoll(7), tcp(7) and unix(7).
class Stream final : public Reactor::Handler {
 public:
  static constexpr size_t kHighWaterByteCount = 512 * 1024;
  static constexpr size_t kHardCapByteCount = 8 * 1024 * 1024;

  // Payload counters to add to, any of which may be null. Borrowed.
  struct Counters {
    SharedCounter* session_received = nullptr;
    SharedCounter* session_sent = nullptr;
    SharedCounter* total_received = nullptr;
    SharedCounter* total_sent = nullptr;
  };

  // Takes a connected, non-blocking socket. `owner` is woken on every change; borrowed, and must
  // outlive the stream. Sets TCP_NODELAY where it applies. A socket that cannot be watched makes a
  // stream that is broken with ENOMEM.
  Stream(IoContext& io, UniqueFd socket, Fiber& owner, Counters counters);
  ~Stream() override;  // closes at once; what is queued is lost
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Scatters what has been received into `parts`. An error is reported once everything before it
  // has been read, and from then on. Precondition: `parts` have room; the caller answers empty
  // reads.
  ReadResult Read(std::span<const iovec> parts);
  // As Read(), but the bytes stay and are not counted (MSG_PEEK).
  ReadResult Peek(std::span<const iovec> parts);
  // True when Read() would not return kWouldBlock.
  bool readable();
  // Bytes that Read() could return without another system call.
  size_t buffered_byte_count() const;

  // Queues all of `parts`; sends when a buffer's worth is queued. Returns 0, or the errno value of
  // a stream that is broken, or EPIPE after ShutdownWrite() or Close().
  [[nodiscard]] int Write(std::span<const iovec> parts);
  // Sends what is queued, as far as the kernel takes it. Call before the owner parks.
  void Flush();
  size_t queued_byte_count() const { return queue_.byte_count(); }
  bool over_high_water() const { return queued_byte_count() > kHighWaterByteCount; }
  bool over_hard_cap() const { return queued_byte_count() > kHardCapByteCount; }

  // Writing ends with a FIN after everything that is queued.
  void ShutdownWrite();
  // Reading ends at once. The kernel is not told: it would hide from Close() what the peer sends.
  void ShutdownRead();

  // Starts an orderly close: drains the queue, sends FIN, discards what the peer still sends until
  // its FIN or `linger` has passed (closing earlier would answer its data with RST and could
  // destroy what was just sent), then closes the descriptor. closed() turns true; the owner is
  // woken. `deadline` bounds all of it; past it the connection is reset. Both on the scheduler's
  // clock. A stream that is broken closes at once.
  void Close(std::chrono::nanoseconds linger, MonotonicTime deadline);
  bool closed() const;
  // Earliest moment at which Tick() has something to do for a stream that is closing.
  MonotonicTime close_deadline() const;
  // Enforces the bounds of Close(); the owner calls it when close_deadline() has passed.
  void Tick(MonotonicTime now);

  // Closes at once with RST: the peer learns that the stream was cut, not ended.
  void Reset();

  // errno value of the failure that broke the stream, 0 while it is whole.
  int error() const;
  int fd() const;

  void OnEvents(uint32_t events) override;

 private:
  enum class Phase : uint8_t {
    kOpen,
    kDraining,   // closing: the queue is not sent yet
    kLingering,  // closing: FIN is sent, the peer's is awaited
    kClosed,
  };
  enum class Inbound : uint8_t { kFlowing, kEnded, kFailed };

  void Receive();
  ReadResult EndOfInbound() const;
  void DiscardInbound();
  void SendQueued();
  void Break(int error);
  void AdvanceClose();
  void CloseSocket();
  void WakeOwner() { io_.scheduler.Ready(owner_); }

  IoContext& io_;
  UniqueFd socket_;
  Fiber& owner_;
  const Counters counters_;
  BufferPool::Buffer received_;  // without memory while it has no bytes
  SendQueue queue_;
  int error_ = 0;
  int inbound_error_ = 0;  // what Read() reports once inbound_ is kFailed
  Phase phase_ = Phase::kOpen;
  Inbound inbound_ = Inbound::kFlowing;
  // Edge-triggered state: false once the kernel has said EAGAIN, until its next event.
  bool maybe_readable_ = true;
  bool maybe_writable_ = true;
  bool short_receive_empties_ = false;
  bool read_shut_ = false;
  bool fin_wanted_ = false;
  bool fin_sent_ = false;
  std::chrono::nanoseconds linger_{0};
  MonotonicTime linger_end_ = kNoDeadline;
  MonotonicTime close_deadline_ = kNoDeadline;
};

}  // namespace penstock
