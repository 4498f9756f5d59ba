#include "runtime/wasi/descriptor.h"

namespace penstock::wasi {

Result<Size> Descriptor::Read(std::span<const iovec>) { return Errno::kBadf; }
Result<Size> Descriptor::Peek(std::span<const iovec>) { return Errno::kNotSock; }
Result<Unit> Descriptor::Write(std::span<const iovec>) { return Errno::kBadf; }

Readiness Descriptor::PollWrite(MonotonicTime, bool) { return {.ready = true}; }

Result<Unit> Descriptor::Shutdown(SdFlags) { return Errno::kNotSock; }

Result<FileStat> Descriptor::Stat() const { return FileStat{.type = file_type(), .nlink = 1}; }

}  // namespace penstock::wasi
