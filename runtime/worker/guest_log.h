#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "base/shared_counters.h"
#include "runtime/wasi/stdio.h"
#include "runtime/worker/channel.h"

namespace penstock::worker {

// Sends what one guest prints to penstockd, line by line. Drops lines above a rate, and all while
// the channel is congested; the next line that is sent says how many.
class GuestLog final : public wasi::LogSink {
 public:
  // All borrowed.
  GuestLog(Channel& channel, WorkerCounters& counters, const Clock& clock, uint64_t session_id);

  void WriteLine(wasi::GuestOutput output, std::string_view line) override;

 private:
  bool TakeToken();

  Channel& channel_;
  WorkerCounters& counters_;
  const Clock& clock_;
  const uint64_t session_id_;
  double tokens_;
  MonotonicTime refilled_;
  uint64_t dropped_count_ = 0;
};

}  // namespace penstock::worker
