#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/event_loop.h"
#include "runtime/io/reactor.h"
#include "runtime/v8/host_pool.h"
#include "runtime/worker/channel.h"
#include "runtime/worker/module_cache.h"
#include "runtime/worker/session.h"
#include "runtime/worker/transport.h"

namespace penstock::worker {

// A worker: obeys penstockd's messages and carries sessions until it is told to end or penstockd is
// gone.
//
// Threads: everything on the thread that makes it.
class Worker final {
 public:
  // Takes the channel and the counters. Precondition: InitEngine() succeeded.
  static absl::StatusOr<std::unique_ptr<Worker>> Create(UniqueFd channel, SharedCounters counters);

  // Says hello and serves. OK after a Shutdown; the channel's failure otherwise. Sessions may be
  // left, on fibers that never run again: the process must end without destroying the worker.
  absl::Status Run();

 private:
  Worker(Reactor reactor, UniqueFd channel, SharedCounters counters);

  void OnMessage(const pb::ToWorker& message, std::vector<UniqueFd> fds);
  void OnLoadModule(const pb::LoadModule& request, const UniqueFd& fd);
  void OnPutTransport(const pb::PutTransport& request, const UniqueFd& fd);
  void OnStartSession(const pb::StartSession& request, UniqueFd connection);
  void OnDialResult(const pb::DialResult& result, UniqueFd socket);
  void OnStopSessions(const pb::StopSessions& request);
  void OnShutdown(const pb::Shutdown& request);

  void SayHello();
  void ReportFailedStart(uint64_t session_id, std::string_view why);
  // Enforces the sessions' times and collects garbage, when the sweep is due.
  void Sweep();
  // When the next sweep is due; kNoDeadline while there is nothing to look after.
  MonotonicTime next_sweep() const;
  bool finished() const;

  const Clock& clock_;
  SharedCounters counters_;
  Scheduler scheduler_;
  Reactor reactor_;
  BufferPool buffers_;
  IoContext io_;
  EventLoop loop_;
  Channel channel_;
  engine::HostPool pool_;
  ModuleCache modules_;
  std::map<uint64_t, std::shared_ptr<const Transport>> transports_;
  std::unordered_map<uint64_t, std::unique_ptr<Session>> sessions_;
  MonotonicTime last_sweep_{};
  bool garbage_ = false;  // there may be some to collect
  MonotonicTime shutdown_deadline_ = kNoDeadline;
};

// Answers one InspectModule on `channel`, then returns.
absl::Status RunInspector(UniqueFd channel);

}  // namespace penstock::worker
