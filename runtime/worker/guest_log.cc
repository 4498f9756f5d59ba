#include "runtime/worker/guest_log.h"

#include <algorithm>
#include <chrono>

#include "runtime/worker/limits.h"
#include "runtime/worker/utf8.h"

namespace penstock::worker {

GuestLog::GuestLog(Channel& channel, WorkerCounters& counters, const Clock& clock,
                   uint64_t session_id)
    : channel_(channel),
      counters_(counters),
      clock_(clock),
      session_id_(session_id),
      tokens_(kLogLineBurst),
      refilled_(clock.Now()) {}

void GuestLog::WriteLine(wasi::GuestOutput output, std::string_view line) {
  if (channel_.congested() || !TakeToken()) {
    ++dropped_count_;
    counters_.guest_log_dropped_count.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  pb::FromWorker message;
  pb::GuestLog& log = *message.mutable_guest_log();
  log.set_session_id(session_id_);
  log.set_is_stderr(output == wasi::GuestOutput::kStderr);
  log.set_line(ToUtf8(line, kMessageByteCountMax));
  log.set_dropped_count(dropped_count_);
  dropped_count_ = 0;
  channel_.Send(message);
}

bool GuestLog::TakeToken() {
  const MonotonicTime now = clock_.Now();
  const std::chrono::duration<double> passed = now - refilled_;
  refilled_ = now;
  tokens_ = std::min(kLogLineBurst, tokens_ + passed.count() * kLogLinesPerSecond);
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace penstock::worker
