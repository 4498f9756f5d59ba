#include "tests/bench/load/ping_pong.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
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

// What the players of one run share.
struct Run {
  EventLoop loop;
  size_t message_byte_count;
  const Clock& clock;
  bool recording = false;
  uint64_t exchange_count = 0;
  Histogram latency{};
  Failures failures{};
};

// One connection of a run, which it borrows.
class Player final : public EventHandler {
 public:
  Player(Run& run, UniqueFd fd) : run_(run), fd_(std::move(fd)) {
    run_.loop.Add(fd_.get(), EPOLLOUT, *this);
  }

  void OnEvents(uint32_t) override {
    if (const absl::Status status = connected_ ? Receive() : Begin(); !status.ok()) {
      run_.failures.Add(status);
      fd_.Reset();
    }
  }

 private:
  absl::Status Begin() {
    connected_ = true;
    run_.loop.Modify(fd_.get(), EPOLLIN, *this);
    return Send();
  }

  absl::Status Send() {
    sent_at_ = run_.clock.Now();
    ASSIGN_OR_RETURN(
        const TransferResult written,
        WriteSome(fd_.get(), Pattern::Get().At(received_byte_count_, run_.message_byte_count)));
    if (written.byte_count == run_.message_byte_count) return absl::OkStatus();
    return absl::ResourceExhaustedError("the socket did not take a whole message");
  }

  absl::Status Receive() {
    std::array<std::byte, kMessageMax_bytes> buffer;
    ASSIGN_OR_RETURN(const TransferResult read, ReadSome(fd_.get(), buffer));
    if (read.transfer == Transfer::kEnd) return absl::UnavailableError("closed by the peer");
    if (!Pattern::Get().Matches(received_byte_count_, std::span(buffer).first(read.byte_count))) {
      return absl::DataLossError("echoed bytes differ from those that were sent");
    }
    received_byte_count_ += read.byte_count;
    message_received_byte_count_ += read.byte_count;
    if (message_received_byte_count_ < run_.message_byte_count) return absl::OkStatus();
    message_received_byte_count_ = 0;
    ++run_.exchange_count;
    if (run_.recording) run_.latency.Record(run_.clock.Now() - sent_at_);
    return Send();
  }

  Run& run_;
  UniqueFd fd_;
  bool connected_ = false;
  MonotonicTime sent_at_;
  uint64_t received_byte_count_ = 0;
  size_t message_received_byte_count_ = 0;
};

}  // namespace

absl::StatusOr<Report> RunPingPong(const LoadOptions& options) {
  if (options.message_byte_count == 0 || options.message_byte_count > kMessageMax_bytes) {
    return absl::InvalidArgumentError(
        fmt::format("a message has 1 to {} bytes", kMessageMax_bytes));
  }
  ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  Run run{.loop = std::move(loop),
          .message_byte_count = options.message_byte_count,
          .clock = Clock::System()};
  std::vector<std::unique_ptr<Player>> players;
  for (int i = 0; i < options.connection_count; ++i) {
    ASSIGN_OR_RETURN(UniqueFd fd, StartConnect(options.target));
    players.push_back(std::make_unique<Player>(run, std::move(fd)));
  }
  Measurement measurement(run.clock, options);
  while (measurement.Continue(run.exchange_count) && run.failures.count() == 0) {
    run.recording = measurement.counting();
    run.loop.RunOnce(kPoll);
  }
  if (measurement.stalled()) run.failures.Add("no echo for 10 s");
  Report report;
  report.SetLatency(run.latency);
  report.Set("exchanges_per_s", measurement.rate());
  report.SetOutcome(run.failures, run.exchange_count);
  return report;
}

}  // namespace penstock::bench
