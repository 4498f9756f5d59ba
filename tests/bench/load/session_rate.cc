#include "tests/bench/load/session_rate.h"

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
constexpr std::chrono::seconds kSessionMax{5};
// A target that fails this often has nothing to be measured.
constexpr uint64_t kFailureCountMax = 100;

// The lanes of one run.
class Lanes final {
 public:
  Lanes(EventLoop& loop, const LoadOptions& options) : options_(options), clock_(Clock::System()) {
    for (int i = 0; i < options.connection_count; ++i) {
      probes_.push_back(std::make_unique<Probe>(
          loop, clock_, [this](Probe& probe, const absl::Status& status) { Done(probe, status); }));
    }
  }

  // Starts lanes that have nothing to do, and gives up on sessions that take too long.
  void Tend() {
    for (const std::unique_ptr<Probe>& probe : probes_) {
      if (probe->busy() && clock_.Now() - probe->started_at() > kSessionMax) {
        probe->Close();
        failures_.Add("a session took longer than 5 s");
      }
      if (!probe->busy()) probe->Start(options_.target);
    }
  }

  void set_recording(bool on) { recording_ = on; }
  uint64_t session_count() const { return session_count_; }
  const Histogram& latency() const { return latency_; }
  Failures& failures() { return failures_; }

 private:
  void Done(Probe& probe, const absl::Status& status) {
    probe.Close();
    if (!status.ok()) {
      failures_.Add(status);  // Tend() starts the lane again, so that refusals do not recurse
      return;
    }
    ++session_count_;
    if (recording_) latency_.Record(clock_.Now() - probe.started_at());
    probe.Start(options_.target);
  }

  const LoadOptions& options_;
  const Clock& clock_;
  std::vector<std::unique_ptr<Probe>> probes_;
  bool recording_ = false;
  uint64_t session_count_ = 0;
  Histogram latency_;
  Failures failures_;
};

}  // namespace

absl::StatusOr<Report> RunSessionRate(const LoadOptions& options) {
  ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  Lanes lanes(loop, options);
  Measurement measurement(Clock::System(), options);
  while (measurement.Continue(lanes.session_count()) &&
         lanes.failures().count() < kFailureCountMax) {
    lanes.set_recording(measurement.counting());
    lanes.Tend();
    loop.RunOnce(kPoll);
  }
  if (measurement.stalled()) lanes.failures().Add("no session for 10 s");
  Report report;
  report.Set("sessions_per_s", measurement.rate());
  report.SetLatency(lanes.latency());
  report.SetOutcome(lanes.failures(), lanes.session_count());
  return report;
}

}  // namespace penstock::bench
