#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "runtime/io/stream.h"
#include "runtime/wasi/limits.h"

namespace penstock::wasi {

// All streams of one session, those that its guest has closed and that still deliver what it wrote
// included. Knows what the streams mean to each other: while one is over its high-water mark, the
// others are held back.
//
// Closing goes on without the guest and its descriptors: the session calls CloseAll(), then parks
// until next_deadline() and calls Tick(), until all_closed(). Payload is counted in the counters
// that each stream was opened with; a session is idle while those stand still.
//
// Threads: the worker's.
class StreamSet final {
 public:
  struct Options {
    std::chrono::nanoseconds drain_max = kCloseDrainMax;
    std::chrono::nanoseconds linger = kCloseLinger;
  };

  // All borrowed; `owner` is the session's fiber.
  StreamSet(IoContext& io, Fiber& owner, const Clock& clock, Options options);
  StreamSet(IoContext& io, Fiber& owner, const Clock& clock)
      : StreamSet(io, owner, clock, Options()) {}
  ~StreamSet();  // closes what is left at once
  StreamSet(const StreamSet&) = delete;
  StreamSet& operator=(const StreamSet&) = delete;

  // Takes a connected, non-blocking socket.
  std::shared_ptr<Stream> Open(UniqueFd socket, Stream::Counters counters);

  // True when another open stream's queue is over its high-water mark: `stream` looks empty then.
  bool HeldBack(const Stream& stream) const;

  // Sends what is queued; before every wait of the session.
  void FlushAll();

  // Starts the orderly close of `stream`.
  void Close(const std::shared_ptr<Stream>& stream);
  void CloseAll();
  // True when no stream is left, neither open nor closing.
  bool all_closed() const { return open_.empty() && closing_.empty(); }
  // When Tick() is due; kNoDeadline when nothing is closing.
  MonotonicTime next_deadline() const;
  // Ends what is over its time and forgets what has closed. After every wake-up while closing.
  void Tick(MonotonicTime now);

  // Cuts everything at once, with RST.
  void ResetAll();

  // Streams that hold a socket of the worker.
  size_t count() const { return open_.size() + closing_.size(); }

 private:
  void StartClosing(const std::shared_ptr<Stream>& stream);

  IoContext& io_;
  Fiber& owner_;
  const Clock& clock_;
  const Options options_;
  std::vector<std::shared_ptr<Stream>> open_;
  std::vector<std::shared_ptr<Stream>> closing_;
};

}  // namespace penstock::wasi
