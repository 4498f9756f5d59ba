#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/net/timers.h"
#include "server/workers/stats.h"
#include "server/workers/worker_channel.h"
#include "server/workers/worker_pool.h"
#include "server/workers/worker_process.h"

namespace penstock::workers {

// Inspects uploads, each in a worker process of its own that is killed when it has answered, so
// that what a module does to its compiler stays there. A few run at once, some wait, more are
// refused.
//
// Threads: the control loop's; `done` is called there, and may be called from within Inspect().
class Inspector final {
 public:
  struct Options {
    std::string path;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::chrono::nanoseconds timeout;
    size_t processes_max;
    size_t queue_max;
  };
  using Done = std::function<void(absl::StatusOr<InspectedModule>)>;

  // Borrows `io` and `stats`.
  Inspector(asio::io_context& io, Options options, PoolStats& stats)
      : io_(io), timers_(io), options_(std::move(options)), stats_(stats) {}

  // INVALID_ARGUMENT about the field "chunk" when the bytes are no good module: the worker's
  // reason, COMPILE_TIMEOUT or COMPILER_CRASHED. RESOURCE_EXHAUSTED with reason INSPECT_QUEUE_FULL.
  // UNAVAILABLE when no process could be started, or after Close().
  void Inspect(std::string sha256, std::shared_ptr<const UniqueFd> module_fd, Done done);

  // Answers all that wait or run with UNAVAILABLE and kills what runs.
  void Close();

 private:
  struct Request {
    std::string sha256;
    std::shared_ptr<const UniqueFd> module_fd;
    Done done;
  };
  struct Run {
    Done done;  // empty once called
    std::unique_ptr<WorkerChannel> channel;
    std::unique_ptr<WorkerProcess> process;
    net::Timers::Handle deadline;
  };

  void StartNext();
  absl::Status TryStart(uint64_t run_id, const Request& request);
  absl::Status OnMessage(Run& run, const pb::FromWorker& message);
  void OnExit(uint64_t run_id, const std::string& how);
  // Answers, once, and sees to it that the process ends.
  void Finish(Run& run, absl::StatusOr<InspectedModule> result);
  void Answer(const Done& done, absl::StatusOr<InspectedModule> result);

  asio::io_context& io_;
  net::AsioTimers timers_;
  const Options options_;
  PoolStats& stats_;
  bool closed_ = false;
  std::deque<Request> queue_;
  std::map<uint64_t, Run> runs_;
  uint64_t next_run_id_ = 0;
};

}  // namespace penstock::workers
