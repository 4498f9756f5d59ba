#include "tests/bench/load/bulk.h"

#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "fmt/format.h"
#include "tests/bench/load/event_loop.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/socket.h"

namespace penstock::bench {
namespace {

constexpr std::chrono::milliseconds kPoll{5};

// What the streams of one run share.
struct Run {
  EventLoop loop;
  BackendMode mode;
  uint64_t window_byte_count;
  bool sending = true;
  uint64_t sent_byte_count = 0;
  uint64_t echoed_byte_count = 0;
  std::vector<std::byte> scratch = std::vector<std::byte>(Pattern::kChunkMax_bytes);
  Failures failures{};
};

// One connection of a run, which it borrows.
class Stream final : public EventHandler {
 public:
  Stream(Run& run, UniqueFd fd) : run_(run), fd_(std::move(fd)) {
    run_.loop.Add(fd_.get(), Interest(), *this);
  }

  void OnEvents(uint32_t events) override {
    const uint32_t interest = Interest();
    absl::Status status;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) status = Receive();
    if (status.ok() && events & EPOLLOUT) status = Send();
    if (!status.ok()) {
      run_.failures.Add(status);
      fd_.Reset();
    } else if (Interest() != interest) {
      run_.loop.Modify(fd_.get(), Interest(), *this);
    }
  }

 private:
  uint32_t Interest() const { return EPOLLIN | (run_.sending && Room() > 0 ? EPOLLOUT : 0u); }

  size_t Room() const {
    if (run_.window_byte_count == 0) return Pattern::kChunkMax_bytes;
    const uint64_t in_flight = sent_byte_count_ - returned_byte_count_;
    if (in_flight >= run_.window_byte_count) return 0;
    return std::min<uint64_t>(run_.window_byte_count - in_flight, Pattern::kChunkMax_bytes);
  }

  absl::Status Send() {
    const size_t room = run_.sending ? Room() : 0;
    if (room == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const TransferResult written,
                     WriteSome(fd_.get(), Pattern::Get().At(sent_byte_count_, room)));
    sent_byte_count_ += written.byte_count;
    run_.sent_byte_count += written.byte_count;
    return absl::OkStatus();
  }

  absl::Status Receive() {
    ASSIGN_OR_RETURN(const TransferResult read, ReadSome(fd_.get(), run_.scratch));
    if (read.transfer == Transfer::kEnd) return absl::UnavailableError("closed by the peer");
    if (run_.mode != BackendMode::kEcho) {
      returned_byte_count_ += read.byte_count * kAckInterval_bytes;
      return absl::OkStatus();
    }
    const std::span<const std::byte> echoed = std::span(run_.scratch).first(read.byte_count);
    if (!Pattern::Get().Matches(returned_byte_count_, echoed)) {
      return absl::DataLossError("echoed bytes differ from those that were sent");
    }
    returned_byte_count_ += read.byte_count;
    run_.echoed_byte_count += read.byte_count;
    return absl::OkStatus();
  }

  Run& run_;
  UniqueFd fd_;
  uint64_t sent_byte_count_ = 0;
  uint64_t returned_byte_count_ = 0;  // echoed or acknowledged
};

// Waits for what is still under way; says so if it does not come.
void Drain(Run& run, const Clock& clock, const std::function<uint64_t()>& arrived) {
  run.sending = false;
  const MonotonicTime deadline = clock.Now() + Measurement::kStallMax;
  while (arrived() < run.sent_byte_count && run.failures.count() == 0 && clock.Now() < deadline) {
    run.loop.RunOnce(kPoll);
  }
  if (arrived() != run.sent_byte_count) {
    run.failures.Add(fmt::format("{} bytes sent, {} arrived", run.sent_byte_count, arrived()));
  }
}

}  // namespace

absl::StatusOr<Report> RunBulk(const LoadOptions& options, BackendMode mode,
                               const Backend& backend) {
  const Clock& clock = Clock::System();
  ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  Run run{.loop = std::move(loop), .mode = mode, .window_byte_count = options.window_byte_count};
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < options.connection_count; ++i) {
    ASSIGN_OR_RETURN(UniqueFd fd, StartConnect(options.target));
    streams.push_back(std::make_unique<Stream>(run, std::move(fd)));
  }
  const std::function<uint64_t()> arrived = [&]() -> uint64_t {
    return mode == BackendMode::kEcho ? run.echoed_byte_count
                                      : backend.counters().received_byte_count.load();
  };
  Measurement measurement(clock, options);
  while (measurement.Continue(arrived()) && run.failures.count() == 0) run.loop.RunOnce(kPoll);
  if (measurement.stalled()) run.failures.Add("no byte arrived for 10 s");
  Drain(run, clock, arrived);
  if (backend.counters().mismatch_count > 0) {
    run.failures.Add("received bytes differ from those that were sent");
  }
  Report report;
  report.Set("mb_per_s", measurement.rate() / 1e6);
  report.Set("seconds", measurement.counted_time().count());
  report.SetOutcome(run.failures, run.sent_byte_count);
  return report;
}

}  // namespace penstock::bench
