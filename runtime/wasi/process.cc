#include <fmt/format.h>

#include "runtime/wasi/host_table.h"
#include "runtime/wasi/preview1.h"

namespace penstock::wasi {

Result<Never> Preview1::ProcExit(HostCall&, uint32_t code) {
  return Trap{
      .kind = Trap::Kind::kExit, .exit_code = code, .message = fmt::format("proc_exit({})", code)};
}

Result<Unit> Preview1::ProcRaise(HostCall&, Signal signal) {
  if (signal == Signal::kNone) return Unit{};
  if (signal > Signal::kSys) return Errno::kInval;
  // No handlers exist: the default action, in a shell's numbers.
  const auto number = static_cast<uint32_t>(signal);
  return Trap{.kind = Trap::Kind::kExit,
              .exit_code = 128 + number,
              .message = fmt::format("proc_raise({})", number)};
}

Result<Unit> Preview1::SchedYield(HostCall& call) { return Yield(call); }

}  // namespace penstock::wasi
