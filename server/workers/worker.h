#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/shared_counters.h"
#include "server/net/timers.h"
#include "server/workers/backoff.h"
#include "server/workers/worker_channel.h"
#include "server/workers/worker_link.h"
#include "server/workers/worker_pool.h"
#include "server/workers/worker_process.h"

namespace penstock::workers {

// One place for a worker process: starts a process there, starts another when that one is lost, and
// kills one that does not say Hello, does not read, or breaks the protocol.
//
// Threads: the control loop's.
class Worker final : public WorkerLink {
 public:
  using State = WorkerStatus::State;

  struct Options {
    std::string path;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::chrono::nanoseconds hello_timeout;
    std::chrono::nanoseconds kill_delay;  // beyond the grace period of Stop()
    Backoff::Options backoff;
  };

  // Who is told; called on the control loop. Must not destroy the worker.
  class Observer {
   public:
    virtual ~Observer() = default;
    // A process started or is about to be started again: status() has changed.
    virtual void OnStateChanged(Worker& worker) = 0;
    // The process can serve.
    virtual void OnReady(Worker& worker, const pb::Hello& hello) = 0;
    // Any message but Hello, after it. An error kills the process.
    virtual absl::Status OnMessage(Worker& worker, const pb::FromWorker& message) = 0;
    // The process is gone and so is everything in it; counters() are still its own. Comes for every
    // process that was started, and before the next is.
    virtual void OnLost(Worker& worker) = 0;
    // The process broke the protocol and is being killed.
    virtual void OnViolation(Worker& worker) = 0;
    // After Stop(): no process runs and none will.
    virtual void OnStopped(Worker& worker) = 0;
  };

  Worker(asio::io_context& io, const Clock& clock, int index, Options options, Observer& observer);
  ~Worker() override = default;

  void Start();
  // Asks the process to end its sessions within `grace` and to exit, and kills it if it does not.
  void Stop(std::chrono::nanoseconds grace);

  // WorkerLink:
  int index() const override { return index_; }
  void Send(const pb::ToWorker& message, std::vector<UniqueFd> fds) override;
  using WorkerLink::Send;
  const std::shared_ptr<SharedCounters>& counters() const override { return counters_; }

  State state() const { return state_; }
  bool ready() const { return state_ == State::kReady; }
  int pid() const { return process_ == nullptr ? 0 : process_->pid(); }
  uint64_t restart_count() const { return restart_count_; }

 private:
  void StartProcess();
  absl::Status TryStartProcess();
  absl::Status OnMessage(const pb::FromWorker& message);
  absl::Status OnHello(const pb::Hello& hello);
  void OnChannelFailure(const absl::Status& status);
  void OnExit(const std::string& how);
  void Restart();
  void SetState(State state);
  void KillAfter(std::chrono::nanoseconds delay, std::string why);

  asio::io_context& io_;
  const Clock& clock_;
  net::AsioTimers timers_;
  const int index_;
  const Options options_;
  Observer& observer_;
  Backoff backoff_;
  State state_ = State::kStarting;
  bool stopping_ = false;
  uint64_t restart_count_ = 0;
  MonotonicTime start_time_;
  std::shared_ptr<SharedCounters> counters_;
  std::unique_ptr<WorkerChannel> channel_;
  std::unique_ptr<WorkerProcess> process_;
  net::Timers::Handle deadline_;  // of the Hello, then of the end
  net::Timers::Handle restart_;
};

}  // namespace penstock::workers
