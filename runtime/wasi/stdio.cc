#include "runtime/wasi/stdio.h"

#include <memory>
#include <utility>

#include "base/check.h"
#include "runtime/wasi/limits.h"

namespace penstock::wasi {

Result<Size> StdinDescriptor::Read(std::span<const iovec>) { return Size{0}; }

Result<Unit> LogDescriptor::Write(std::span<const iovec> parts) {
  for (const iovec& part : parts) {
    Append({static_cast<const char*>(part.iov_base), part.iov_len});
  }
  return Unit{};
}

void LogDescriptor::Append(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t room = kLogLineByteCountMax - line_.size();
    const size_t newline = bytes.substr(0, room + 1).find('\n');
    const bool ends = newline != std::string_view::npos;
    const size_t take = ends ? newline : std::min(bytes.size(), room);
    line_.append(bytes.substr(0, take));
    bytes.remove_prefix(take + (ends ? 1 : 0));
    if (ends) {
      sink_.WriteLine(output_, std::exchange(line_, {}));
    } else if (line_.size() == kLogLineByteCountMax && !bytes.empty()) {
      Emit();
    }
  }
}

void LogDescriptor::Emit() {
  if (!line_.empty()) sink_.WriteLine(output_, std::exchange(line_, {}));
}

void InstallStdio(FdTable& fds, LogSink& sink) {
  PENSTOCK_CHECK(fds.open_count() == 0);
  (void)fds.Insert(
      {.descriptor = std::make_shared<StdinDescriptor>(), .rights_base = kStdinRights});
  for (const GuestOutput output : {GuestOutput::kStdout, GuestOutput::kStderr}) {
    (void)fds.Insert({.descriptor = std::make_shared<LogDescriptor>(output, sink),
                      .rights_base = kStdoutRights});
  }
}

}  // namespace penstock::wasi
