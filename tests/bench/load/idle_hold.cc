#include "tests/bench/load/idle_hold.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "base/status.h"
#include "tests/bench/load/event_loop.h"
#include "tests/bench/load/probe.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::milliseconds kPoll{5};
// Exchanges under way at once: fast, yet below every listen backlog.
constexpr size_t kConcurrencyMax = 32;

// The connections of one run.
class Held final {
 public:
  Held(EventLoop& loop, const LoadOptions& options)
      : loop_(loop), options_(options), clock_(Clock::System()) {
    for (int i = 0; i < options.connection_count; ++i) {
      probes_.push_back(std::make_unique<Probe>(
          loop, clock_, [this](Probe&, const absl::Status& status) { Done(status); }));
    }
  }

  // Opens and proves all.
  void Open() {
    Exchange([this](Probe& probe) { probe.Start(options_.target); });
  }

  // Proves those that are still there.
  void ProveAgain() {
    Exchange([](Probe& probe) {
      if (probe.open()) probe.Repeat();
    });
  }

  uint64_t OpenCount() const {
    uint64_t count = 0;
    for (const std::unique_ptr<Probe>& probe : probes_) count += probe->open() ? 1 : 0;
    return count;
  }
  Failures& failures() { return failures_; }

 private:
  void Done(const absl::Status& status) {
    latest_done_ = clock_.Now();
    if (!status.ok()) failures_.Add(status);
  }

  // Calls `start` for each probe, with at most kConcurrencyMax exchanges under way, and waits for
  // all of them.
  void Exchange(const std::function<void(Probe&)>& start) {
    latest_done_ = clock_.Now();
    size_t next = 0;
    for (;;) {
      size_t busy_count = BusyCount(next);
      for (; next < probes_.size() && busy_count < kConcurrencyMax; ++next) {
        start(*probes_[next]);
        busy_count += probes_[next]->busy() ? 1 : 0;
      }
      if (busy_count == 0) return;
      if (clock_.Now() - latest_done_ > Measurement::kStallMax) break;
      loop_.RunOnce(kPoll);
    }
    for (const std::unique_ptr<Probe>& probe : probes_) {
      if (!probe->busy()) continue;
      probe->Close();
      failures_.Add("no echo for 10 s");
    }
  }

  size_t BusyCount(size_t end) const {
    size_t count = 0;
    for (size_t i = 0; i < end; ++i) count += probes_[i]->busy() ? 1u : 0u;
    return count;
  }

  EventLoop& loop_;
  const LoadOptions& options_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Probe>> probes_;
  MonotonicTime latest_done_;
  Failures failures_;
};

}  // namespace

absl::StatusOr<Report> RunIdleHold(const LoadOptions& options, const IdleHoldControl& control) {
  ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  Held held(loop, options);
  const MonotonicTime begin = Clock::System().Now();
  held.Open();
  Report opened;
  opened.Set("held", held.OpenCount());
  opened.Set("open_seconds", std::chrono::duration<double>(Clock::System().Now() - begin).count());
  opened.SetOutcome(held.failures(), held.OpenCount());
  control.on_held(opened);
  while (!control.released()) loop.RunOnce(kPoll);
  held.ProveAgain();
  Report report;
  report.SetOutcome(held.failures(), held.OpenCount());
  return report;
}

}  // namespace penstock::bench
