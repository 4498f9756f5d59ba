#include "runtime/wasi/control_pipe.h"

#include <algorithm>

namespace penstock::wasi {

void ControlPipe::SendExit() {
  exit_sent_ = true;
  scheduler_.Ready(fiber_);
}

Result<Size> ControlPipe::Peek(std::span<const iovec> parts) {
  if (!exit_sent_) return Errno::kAgain;
  if (exit_read_) return Size{0};
  const auto part = std::ranges::find_if(parts, [](const iovec& p) { return p.iov_len > 0; });
  if (part == parts.end()) return Size{0};
  *static_cast<uint8_t*>(part->iov_base) = 0x00;
  return Size{1};
}

Result<Size> ControlPipe::Read(std::span<const iovec> parts) {
  Result<Size> taken = Peek(parts);
  if (taken.ok() && taken.value() == 1) exit_read_ = true;
  return taken;
}

Result<Unit> ControlPipe::Write(std::span<const iovec>) { return Unit{}; }

Readiness ControlPipe::PollRead() {
  if (!exit_sent_) return {};
  return {.ready = true, .byte_count = exit_read_ ? 0u : 1u, .hangup = exit_read_};
}

Result<Unit> ControlPipe::Shutdown(SdFlags) { return Unit{}; }

}  // namespace penstock::wasi
