#include "server/workers/process_pool.h"

#include <fmt/format.h>
#include <unistd.h>

#include <asio/post.hpp>
#include <cerrno>
#include <memory>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "server/domain/error.h"
#include "server/net/timers.h"
#include "server/workers/catalog.h"
#include "server/workers/inspector.h"
#include "server/workers/pending_queue.h"
#include "server/workers/placement.h"
#include "server/workers/pool_view.h"
#include "server/workers/sessions.h"
#include "server/workers/worker.h"

namespace penstock::workers {
namespace {

Worker::Options WorkerOptionsOf(const ProcessPoolOptions& options) {
  return {.path = options.worker_path,
          .arguments = options.worker_arguments,
          .environment = options.environment,
          .hello_timeout = options.hello_timeout,
          .kill_delay = options.kill_delay,
          .backoff = {.delay_min = options.respawn_delay_min,
                      .delay_max = options.respawn_delay_max,
                      .healthy_after = options.healthy_after}};
}

Inspector::Options InspectorOptionsOf(const ProcessPoolOptions& options) {
  return {.path = options.worker_path,
          .arguments = options.worker_arguments,
          .environment = options.environment,
          .timeout = options.inspect_timeout,
          .processes_max = options.inspect_processes_max,
          .queue_max = options.inspect_queue_max};
}

absl::Status NoTransport(const domain::TransportName& transport) {
  return domain::MakeError(absl::StatusCode::kNotFound,
                           fmt::format("no worker knows {}", transport.ToString()),
                           {.reason = "TRANSPORT_NOT_FOUND",
                            .resource_type = "penstock.dev/Transport",
                            .resource_name = transport.ToString()});
}

// Ties the parts together: what workers say goes to the catalog and the sessions, what callers want
// goes to workers.
class ProcessPool final : public WorkerPool, private Worker::Observer {
 public:
  ProcessPool(ProcessPoolDeps deps, const ProcessPoolOptions& options)
      : deps_(deps),
        timers_(deps.io),
        view_(options.worker_count),
        catalog_(timers_),
        sessions_({deps.dialer, deps.egress, deps.stats, options.dial_timeout}, deps.registry,
                  deps.stats, deps.clock),
        pending_(timers_, options.pending_max, options.pending_timeout,
                 [this](PendingQueue::Entry) {
                   Reject(RejectReason::kNoWorker);
                   deps_.stats.pending_count = pending_.size();
                 }),
        inspector_(deps.io, InspectorOptionsOf(options), deps.stats) {
    for (int index = 0; index < options.worker_count; ++index) {
      workers_.push_back(std::make_unique<Worker>(deps.io, deps.clock, index,
                                                  WorkerOptionsOf(options),
                                                  static_cast<Worker::Observer&>(*this)));
    }
  }

  ~ProcessPool() override { inspector_.Close(); }

  void Start() {
    for (const auto& worker : workers_) worker->Start();
  }

  void Put(std::shared_ptr<const TransportRevision> revision,
           std::function<void(absl::Status)> done) override {
    catalog_.Put(std::move(revision), std::move(done));
  }

  void Remove(const domain::TransportName& transport) override {
    for (size_t i = pending_.Drop(transport); i > 0; --i) Reject(RejectReason::kNoTransport);
    deps_.stats.pending_count = pending_.size();
    catalog_.Remove(transport);
  }

  absl::Status StartSession(const domain::TransportName& transport, UniqueFd socket,
                            std::string peer_address) override;

  void StopSessions(const domain::TransportName& transport) override { sessions_.Stop(transport); }
  absl::Status StopSession(const domain::SessionName& session) override {
    return sessions_.Stop(session);
  }

  void Inspect(std::string sha256, std::shared_ptr<const UniqueFd> module_fd,
               std::function<void(absl::StatusOr<InspectedModule>)> done) override;

  void Shutdown(std::chrono::nanoseconds grace, std::function<void()> done) override;

  std::vector<WorkerStatus> status() const override { return view_.status(); }
  std::string v8_version() const override { return view_.v8_version(); }
  std::string isolation_mode() const override { return view_.isolation_mode(); }
  void VisitCounters(const std::function<void(const WorkerCounters&)>& visit) const override {
    view_.VisitCounters(visit);
  }

 private:
  // Worker::Observer:
  void OnStateChanged(Worker& worker) override;
  void OnReady(Worker& worker, const pb::Hello& hello) override;
  absl::Status OnMessage(Worker& worker, const pb::FromWorker& message) override;
  void OnLost(Worker& worker) override;
  void OnViolation(Worker&) override { ++deps_.stats.protocol_violation_count; }
  void OnStopped(Worker&) override;

  void Reject(RejectReason reason) { ++deps_.stats.rejected_count[static_cast<size_t>(reason)]; }
  // The ready worker that the route's next session goes to; nullptr if there is none.
  Worker* PickWorker(const Route& route);
  absl::Status StartOn(Worker& worker, const std::shared_ptr<const Route>& route,
                       Connection connection);
  absl::Status Wait(PendingQueue::Entry entry);
  void StartPending();

  ProcessPoolDeps deps_;
  net::AsioTimers timers_;
  PoolView view_;
  Catalog catalog_;
  Sessions sessions_;
  PendingQueue pending_;
  Inspector inspector_;
  bool shutting_down_ = false;
  std::function<void()> on_stopped_;
  size_t stopped_count_ = 0;
  size_t turn_ = 0;
  // For what other threads post to the loop: tells whether the pool is still there.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  // Last: processes are gone before what they talk to.
  std::vector<std::unique_ptr<Worker>> workers_;
};

absl::Status ProcessPool::StartSession(const domain::TransportName& transport, UniqueFd socket,
                                       std::string peer_address) {
  ++deps_.stats.accepted_count;
  if (shutting_down_) {
    Reject(RejectReason::kShuttingDown);
    return absl::UnavailableError("the server is shutting down");
  }
  const std::shared_ptr<const Route> route = catalog_.Find(transport);
  if (route == nullptr) {
    Reject(RejectReason::kNoTransport);
    return NoTransport(transport);
  }
  if (deps_.registry.CountLive(transport) + pending_.Count(transport) >= route->sessions_max()) {
    Reject(RejectReason::kSessionsMax);
    return domain::MakeError(
        absl::StatusCode::kResourceExhausted,
        fmt::format("{} has its most sessions, {}", transport.ToString(), route->sessions_max()),
        {.reason = "SESSIONS_MAX"});
  }
  Connection connection = {std::move(socket), std::move(peer_address), deps_.clock.Now()};
  Worker* worker = PickWorker(*route);
  if (worker == nullptr) return Wait({transport, std::move(connection)});
  return StartOn(*worker, route, std::move(connection));
}

absl::Status ProcessPool::StartOn(Worker& worker, const std::shared_ptr<const Route>& route,
                                  Connection connection) {
  absl::Status status = catalog_.Introduce(worker, *route);
  if (status.ok()) status = sessions_.Start(worker, route, std::move(connection));
  if (!status.ok()) Reject(RejectReason::kNoWorker);
  view_.SetSessionCount(worker.index(), sessions_.count(worker.index()));
  return status;
}

Worker* ProcessPool::PickWorker(const Route& route) {
  std::vector<Candidate> candidates;
  for (const auto& worker : workers_) {
    const size_t session_count = sessions_.count(worker->index());
    if (!worker->ready() || session_count >= kSessionSlotCount) continue;
    const auto module = catalog_.StateOn(worker->index(), route.module_key);
    if (module == Catalog::ModuleState::kFailed) continue;
    candidates.push_back({.worker = worker->index(),
                          .module_loaded = module == Catalog::ModuleState::kLoaded,
                          .session_count = session_count});
  }
  const std::optional<int> index = Place(candidates, turn_++);
  return index ? workers_[static_cast<size_t>(*index)].get() : nullptr;
}

absl::Status ProcessPool::Wait(PendingQueue::Entry entry) {
  if (pending_.Push(entry)) {
    deps_.stats.pending_count = pending_.size();
    return absl::OkStatus();
  }
  Reject(RejectReason::kQueueFull);
  return absl::UnavailableError(
      fmt::format("no worker is ready and {} connections wait for one", pending_.size()));
}

void ProcessPool::StartPending() {
  while (const PendingQueue::Entry* next = pending_.front()) {
    const domain::TransportName transport = next->transport;
    // Remove() has dropped the connections of transports that are gone.
    const std::shared_ptr<const Route> route = catalog_.Find(transport);
    Worker* worker = PickWorker(*route);
    if (worker == nullptr) break;
    const absl::Status status = StartOn(*worker, route, pending_.TakeFront().connection);
    if (status.ok()) continue;
    log::Warning("session cannot be started",
                 {{"transport", transport.transport}, {"error", MessageOf(status)}});
  }
  deps_.stats.pending_count = pending_.size();
}

void ProcessPool::Inspect(std::string sha256, std::shared_ptr<const UniqueFd> module_fd,
                          std::function<void(absl::StatusOr<InspectedModule>)> done) {
  asio::post(deps_.io, [this, alive = std::weak_ptr<bool>(alive_), sha256 = std::move(sha256),
                        module_fd = std::move(module_fd), done = std::move(done)]() mutable {
    if (alive.expired()) return done(absl::UnavailableError("the server is shutting down"));
    inspector_.Inspect(std::move(sha256), std::move(module_fd), std::move(done));
  });
}

void ProcessPool::Shutdown(std::chrono::nanoseconds grace, std::function<void()> done) {
  if (std::exchange(shutting_down_, true)) return;
  on_stopped_ = std::move(done);
  inspector_.Close();
  for (; pending_.size() > 0; (void)pending_.TakeFront()) Reject(RejectReason::kShuttingDown);
  deps_.stats.pending_count = 0;
  for (const auto& worker : workers_) worker->Stop(grace);
}

void ProcessPool::OnStateChanged(Worker& worker) {
  view_.SetWorker(worker.index(), worker.pid(), worker.state(), worker.restart_count());
  if (worker.pid() != 0) view_.SetCounters(worker.index(), worker.counters());
}

void ProcessPool::OnReady(Worker& worker, const pb::Hello& hello) {
  view_.SetVersions(hello.v8_version(), hello.isolation_mode());
  catalog_.OnReady(worker);
  StartPending();
}

absl::Status ProcessPool::OnMessage(Worker& worker, const pb::FromWorker& message) {
  switch (message.message_case()) {
    case pb::FromWorker::kModuleLoaded:
      return catalog_.OnModuleLoaded(worker.index(), message.module_loaded());
    case pb::FromWorker::kDialRequest:
      return sessions_.OnDialRequest(worker, message.dial_request());
    case pb::FromWorker::kSessionActive:
      sessions_.OnActive(worker, message.session_active());
      return absl::OkStatus();
    case pb::FromWorker::kSessionEnded:
      sessions_.OnEnded(worker, message.session_ended());
      view_.SetSessionCount(worker.index(), sessions_.count(worker.index()));
      if (pending_.size() > 0) StartPending();
      return absl::OkStatus();
    case pb::FromWorker::kGuestLog:
      sessions_.OnGuestLog(worker, message.guest_log());
      return absl::OkStatus();
    default:
      return absl::InvalidArgumentError("message that a worker does not send");
  }
}

void ProcessPool::OnLost(Worker& worker) {
  catalog_.OnLost(worker.index());
  sessions_.OnLost(worker.index(), shutting_down_ ? EndReason::kStopped : EndReason::kWorkerLost,
                   shutting_down_ ? "the server shut down" : "the worker process died");
  view_.SetSessionCount(worker.index(), 0);
  view_.FoldCounters(worker.index());
}

void ProcessPool::OnStopped(Worker&) {
  if (++stopped_count_ < workers_.size()) return;
  const auto done = std::move(on_stopped_);
  if (done) done();
}

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerPool>> MakeProcessPool(ProcessPoolDeps deps,
                                                            ProcessPoolOptions options) {
  if (options.worker_count < 1) {
    return absl::InvalidArgumentError(
        fmt::format("worker count {}, it must be at least 1", options.worker_count));
  }
  if (access(options.worker_path.c_str(), X_OK) != 0) {
    return absl::InvalidArgumentError(std::string(
        MessageOf(ErrnoStatus(errno, fmt::format("worker program {}", options.worker_path)))));
  }
  auto pool = std::make_unique<ProcessPool>(deps, options);
  pool->Start();
  return pool;
}

}  // namespace penstock::workers
