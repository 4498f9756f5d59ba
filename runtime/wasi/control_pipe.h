#pragma once

#include <span>

#include "runtime/fiber/scheduler.h"
#include "runtime/wasi/descriptor.h"
#include "runtime/wasi/writable_notice.h"

namespace penstock::wasi {

// The guest's end of the control pipe: silent until the host asks it to end, then one byte 0x00
// and the end of the stream. What the guest writes is taken and dropped.
class ControlPipe final : public Descriptor {
 public:
  // `fiber` is the session's, woken by SendExit(). Both borrowed.
  ControlPipe(Scheduler& scheduler, Fiber& fiber) : scheduler_(scheduler), fiber_(fiber) {}

  // Asks the guest to end. Idempotent. Precondition: the fiber still exists.
  void SendExit();
  bool exit_sent() const { return exit_sent_; }

  FileType file_type() const override { return FileType::kSocketStream; }
  Result<Size> Read(std::span<const iovec> parts) override;
  Result<Size> Peek(std::span<const iovec> parts) override;
  Result<Unit> Write(std::span<const iovec> parts) override;
  Readiness PollRead() override;
  Readiness PollWrite(MonotonicTime now, bool alone) override { return writable_.Tell(now, alone); }
  Result<Unit> Shutdown(SdFlags how) override;

 private:
  Scheduler& scheduler_;
  Fiber& fiber_;
  WritableNotice writable_;
  bool exit_sent_ = false;
  bool exit_read_ = false;
};

}  // namespace penstock::wasi
