#pragma once

#include <sys/uio.h>

#include <span>

#include "base/clock.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/wasi/result.h"
#include "runtime/wasi/types.h"

namespace penstock::wasi {

class MemDirectory;
class MemFile;

// What a poll sees of one direction of a descriptor.
struct Readiness {
  bool ready = false;
  FileSize byte_count = 0;  // known to be there
  bool hangup = false;      // the end was reached: what is ready is an end of stream or an error
  // When a descriptor that is not ready is worth another look without any event.
  MonotonicTime look_again = kNoDeadline;
};

// What a guest's descriptor number leads to. The defaults are the answers of something that cannot
// do it; each kind overrides what it can. Nothing here waits, except Prepare(): kAgain means that
// the session's fiber will be woken when it is worth another try.
//
// Ownership: shared by the table and a call that is under way, so that a number which is closed
// meanwhile leaves the call something to finish with.
class Descriptor {
 public:
  Descriptor() = default;
  virtual ~Descriptor() = default;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  virtual FileType file_type() const = 0;

  // What the first read or write needs; parks the fiber. Others return at once.
  virtual Result<Unit> Prepare() { return Unit{}; }

  // Reads into `parts`, of at least one byte in all. 0 is the end.
  virtual Result<Size> Read(std::span<const iovec> parts);
  // As Read(), but the bytes stay.
  virtual Result<Size> Peek(std::span<const iovec> parts);
  // Takes all of `parts`.
  virtual Result<Unit> Write(std::span<const iovec> parts);
  // True while so much is queued that a writer has to wait.
  virtual bool over_hard_cap() const { return false; }

  virtual Readiness PollRead() { return {.ready = true}; }
  // `alone`: the poll waits for nothing but writing, so readiness is told as often as it is asked.
  virtual Readiness PollWrite(MonotonicTime now, bool alone);

  virtual Result<Unit> Shutdown(SdFlags how);
  virtual Result<FileStat> Stat() const;

  // Files and directories; null for everything else.
  virtual MemDirectory* directory() { return nullptr; }
  virtual MemFile* file() { return nullptr; }

  // The number was closed: lets go of what it holds, in an orderly way. Called once.
  virtual void Close() {}
};

}  // namespace penstock::wasi
