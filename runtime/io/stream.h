#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <span>

#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/buffer_pool.h"
#include "runtime/io/reactor.h"

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
// Every change (readable, queue drained, error, closed) calls Ready() on the owning fiber. FIN, RST
// and errors are seen only after the data that came before them.
//
// Threads: the reactor's.
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
  // outlive the stream. Sets TCP_NODELAY where it applies.
  Stream(IoContext& io, UniqueFd socket, Fiber& owner, Counters counters);
  ~Stream() override;  // closes at once; what is queued is lost
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // Scatters what has been received into `parts` (zero total length: kBytes with byte_count 0
  // never happens; the caller answers empty reads itself). An error is reported once everything
  // before it has been read.
  ReadResult Read(std::span<const iovec> parts);
  // As Read(), but the bytes stay (MSG_PEEK).
  ReadResult Peek(std::span<const iovec> parts);
  // True when Read() would not return kWouldBlock.
  bool readable();
  // Bytes that Read() could return without another system call.
  size_t buffered_byte_count() const;

  // Queues all of `parts`; sends when a buffer's worth is queued. Returns 0, or the errno value of
  // a stream that is broken or was shut down for writing (EPIPE).
  [[nodiscard]] int Write(std::span<const iovec> parts);
  // Sends what is queued, as far as the kernel takes it. Call before the owner parks.
  void Flush();
  size_t queued_byte_count() const;
  bool over_high_water() const { return queued_byte_count() > kHighWaterByteCount; }
  bool over_hard_cap() const { return queued_byte_count() > kHardCapByteCount; }

  // shutdown(2): writing ends with a FIN after everything that is queued.
  void ShutdownWrite();
  void ShutdownRead();

  // Starts an orderly close: drains the queue, sends FIN, discards what the peer still sends until
  // its FIN or `linger` has passed (closing earlier would answer its data with RST and could destroy
  // what was just sent), then closes the descriptor. closed() turns true; the owner is woken.
  // `deadline` bounds all of it; past it the connection is reset.
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
  // The owner of this header's implementation completes the members.
};

}  // namespace penstock
