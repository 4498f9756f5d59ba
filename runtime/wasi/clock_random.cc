#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

constexpr Timestamp kResolution_ns = 1;

Timestamp NanosecondsOf(auto time_point) {
  return static_cast<Timestamp>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time_point.time_since_epoch()).count());
}

// Fills `bytes` from the kernel; false when it has none to give.
bool FillRandom(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
  return true;
}

}  // namespace

Result<Timestamp> Preview1::ClockResGet(HostCall&, ClockId id) {
  if (id != ClockId::kRealtime && id != ClockId::kMonotonic) return Errno::kInval;
  return kResolution_ns;
}

Result<Timestamp> Preview1::ClockTimeGet(HostCall&, ClockId id, Timestamp) {
  switch (id) {
    case ClockId::kRealtime:
      return NanosecondsOf(clock_.WallNow());
    case ClockId::kMonotonic:
      return NanosecondsOf(clock_.Now());
    default:
      return Errno::kInval;
  }
}

Result<Unit> Preview1::RandomGet(HostCall& call, GuestSpan<uint8_t> buffer) {
  WASI_RETURN_IF_FAILED(call.memory().Span(buffer.offset, buffer.count));
  for (uint32_t done = 0; done < buffer.count;) {
    if (done > 0) WASI_RETURN_IF_FAILED(Yield(call));
    const size_t count = std::min<size_t>(buffer.count - done, kRandomChunkByteCount);
    WASI_ASSIGN_OR_RETURN(const auto bytes, call.memory().Span(buffer.offset + done, count));
    if (!FillRandom(bytes)) return Errno::kIo;
    done += static_cast<uint32_t>(count);
  }
  return Unit{};
}

}  // namespace penstock::wasi
