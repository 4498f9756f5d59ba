#include <algorithm>

#include "absl/container/inlined_vector.h"
#include "runtime/wasi/preview1.h"

namespace penstock::wasi {
namespace {

// `at` plus `delta_ns`, or kNoDeadline where that does not fit.
MonotonicTime Later(MonotonicTime at, Timestamp delta_ns) {
  const auto room = static_cast<uint64_t>((kNoDeadline - at).count());
  return delta_ns >= room ? kNoDeadline : at + std::chrono::nanoseconds(delta_ns);
}

// What a poll waits for: the guest's subscriptions, and when each of its clocks fires.
struct Wanted {
  absl::InlinedVector<Subscription, 8> subscriptions;
  MonotonicTime started;
  bool writes_alone = true;  // nothing but FD_WRITE
};

Result<Unit> CheckSubscription(const Subscription& subscription) {
  switch (subscription.type) {
    case EventType::kFdRead:
    case EventType::kFdWrite:
      return Unit{};
    case EventType::kClock:
      if (subscription.clock_id > ClockId::kMonotonic) return Errno::kInval;
      if (!Has(SubClockFlags::kAbstime, subscription.clock_flags)) return Errno::kInval;
      return Unit{};
  }
  return Errno::kInval;
}

// Copies the subscriptions, since the guest may let the events overlap them.
Result<Wanted> ReadSubscriptions(const GuestMemory& memory, GuestPtr<Subscription> in, Size count,
                                 MonotonicTime now) {
  Wanted wanted{.subscriptions = {}, .started = now};
  for (Size i = 0; i < count; ++i) {
    WASI_ASSIGN_OR_RETURN(const Subscription subscription, memory.Read(in, i));
    WASI_RETURN_IF_FAILED(CheckSubscription(subscription));
    if (subscription.type != EventType::kFdWrite) wanted.writes_alone = false;
    wanted.subscriptions.push_back(subscription);
  }
  return wanted;
}

// When a clock subscription fires. The wall clock may be set: worked out anew in each round.
MonotonicTime DueTime(const Subscription& subscription, MonotonicTime started, const Clock& clock) {
  if (!Has(subscription.clock_flags, SubClockFlags::kAbstime)) {
    return Later(started, subscription.timeout);
  }
  if (subscription.clock_id == ClockId::kMonotonic) {
    return Later(MonotonicTime(), subscription.timeout);
  }
  const auto wall =
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock.WallNow().time_since_epoch());
  const auto wall_ns = static_cast<Timestamp>(wall.count());
  if (subscription.timeout <= wall_ns) return MonotonicTime::min();
  return Later(clock.Now(), subscription.timeout - wall_ns);
}

// One look at everything that a poll waits for.
class Round {
 public:
  Round(FdTable& fds, const Clock& clock, const Wanted& wanted)
      : fds_(fds), clock_(clock), wanted_(wanted), now_(clock.Now()) {}

  void Look() {
    for (const Subscription& subscription : wanted_.subscriptions) {
      if (subscription.type == EventType::kClock) {
        LookAtClock(subscription);
      } else {
        LookAtDescriptor(subscription);
      }
    }
  }

  const absl::InlinedVector<Event, 8>& events() const { return events_; }
  MonotonicTime look_again() const { return look_again_; }

 private:
  void LookAtClock(const Subscription& subscription) {
    const MonotonicTime due = DueTime(subscription, wanted_.started, clock_);
    if (due > now_) {
      look_again_ = std::min(look_again_, due);
      return;
    }
    Add(subscription, Errno::kSuccess, {});
  }

  void LookAtDescriptor(const Subscription& subscription) {
    const bool reads = subscription.type == EventType::kFdRead;
    auto entry = fds_.Get(subscription.fd,
                          Rights::kPollFdReadwrite | (reads ? Rights::kFdRead : Rights::kFdWrite));
    if (!entry.ok()) return Add(subscription, entry.failure().code(), {});
    Descriptor& descriptor = *entry.value()->descriptor;
    const Readiness readiness =
        reads ? descriptor.PollRead() : descriptor.PollWrite(now_, wanted_.writes_alone);
    look_again_ = std::min(look_again_, readiness.look_again);
    if (readiness.ready) Add(subscription, Errno::kSuccess, readiness);
  }

  void Add(const Subscription& subscription, Errno error, const Readiness& readiness) {
    Event event{};
    event.userdata = subscription.userdata;
    event.error = static_cast<uint16_t>(error);
    event.type = subscription.type;
    event.byte_count = readiness.byte_count;
    event.flags = readiness.hangup ? EventRwFlags::kHangup : EventRwFlags::kNone;
    events_.push_back(event);
  }

  FdTable& fds_;
  const Clock& clock_;
  const Wanted& wanted_;
  const MonotonicTime now_;
  absl::InlinedVector<Event, 8> events_;
  MonotonicTime look_again_ = kNoDeadline;
};

}  // namespace

Result<Size> Preview1::PollOneoff(HostCall& call, GuestPtr<Subscription> in, GuestPtr<Event> out,
                                  Size count) {
  if (count == 0 || count > kSubscriptionCountMax) return Errno::kInval;
  if (!call.memory().Contains(in, count) || !call.memory().Contains(out, count)) {
    return Errno::kFault;
  }
  WASI_ASSIGN_OR_RETURN(const Wanted wanted,
                        ReadSubscriptions(call.memory(), in, count, clock_.Now()));
  for (bool waited = false;; waited = true) {
    streams_.FlushAll();
    Round round(fds_, clock_, wanted);
    round.Look();
    const auto& events = round.events();
    if (events.empty()) {
      WASI_RETURN_IF_FAILED(Wait(call, round.look_again()));
      continue;
    }
    if (!waited) WASI_RETURN_IF_FAILED(NoteFruitless(call));
    for (Size i = 0; i < events.size(); ++i) {
      WASI_RETURN_IF_FAILED(call.memory().Write(out, events[i], i));
    }
    return static_cast<Size>(events.size());
  }
}

}  // namespace penstock::wasi
