#include "runtime/io/event_loop.h"

#include <algorithm>

#include "base/status.h"

namespace penstock {

absl::Status EventLoop::Run() {
  do {
    RETURN_IF_ERROR(RunOnce(kNoDeadline));
  } while (!stopped_);
  stopped_ = false;
  return absl::OkStatus();
}

absl::Status EventLoop::RunOnce(MonotonicTime deadline) {
  scheduler_.RunReady();
  const bool busy = stopped_ || scheduler_.has_ready();
  return reactor_.Poll(busy ? MonotonicTime::min()
                            : std::min(deadline, scheduler_.next_deadline()));
}

}  // namespace penstock
