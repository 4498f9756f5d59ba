#pragma once

#include <algorithm>
#include <chrono>

#include "base/clock.h"
#include "runtime/wasi/descriptor.h"
#include "runtime/wasi/limits.h"

namespace penstock::wasi {

// Decides when a poll hears that a socket is writable. Sockets here nearly always are, and guests
// that ask in every poll would never sleep: it is told once after each change, and again at growing
// intervals so that a guest which forgot the answer does not wait for ever.
class WritableNotice final {
 public:
  // The socket was written to, or is not writable: the next chance is news.
  void Renew() { told_ = false; }

  // The answer of a writable socket. `alone`: the poll waits for writing only, and always hears it.
  Readiness Tell(MonotonicTime now, bool alone) {
    if (told_ && !alone && now < tell_again_) return {.look_again = tell_again_};
    interval_ = told_ ? std::min(interval_ * 2, kWritableRepeatMax) : kWritableRepeatFirst;
    told_ = true;
    tell_again_ = now + interval_;
    return {.ready = true};
  }

 private:
  bool told_ = false;
  std::chrono::milliseconds interval_{};
  MonotonicTime tell_again_{};
};

}  // namespace penstock::wasi
