#include "runtime/worker/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "runtime/v8/engine.h"
#include "runtime/wasi/preview1.h"
#include "runtime/watm/watm_host.h"
#include "runtime/worker/limits.h"

namespace penstock::worker {
namespace {

// Longest grace period that a message can ask for.
constexpr std::chrono::nanoseconds kGraceMax = std::chrono::hours(24);

std::chrono::nanoseconds Grace(uint64_t ns) {
  return std::chrono::nanoseconds(std::min<uint64_t>(ns, static_cast<uint64_t>(kGraceMax.count())));
}

engine::HostPoolOptions PoolOptions() {
  engine::HostPoolOptions options;
  options.isolate_count_max = engine::IsolateCountMax();
  // In the order of a session's import objects.
  options.imports = {{wasi::kPreview1Module, wasi::Preview1Table()},
                     {watm::kWatmModule, watm::WatmTable()}};
  return options;
}

// The one descriptor that a message carries; empty if it carries none.
UniqueFd OnlyFd(std::vector<UniqueFd>& fds) {
  return fds.size() == 1 ? std::move(fds.front()) : UniqueFd();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Worker>> Worker::Create(UniqueFd channel, SharedCounters counters) {
  ASSIGN_OR_RETURN(Reactor reactor, Reactor::Create());
  std::unique_ptr<Worker> worker(
      new Worker(std::move(reactor), std::move(channel), std::move(counters)));
  RETURN_IF_ERROR(worker->channel_.Start());
  return worker;
}

Worker::Worker(Reactor reactor, UniqueFd channel, SharedCounters counters)
    : clock_(Clock::System()),
      counters_(std::move(counters)),
      scheduler_(clock_, {.counters = &*counters_}),
      reactor_(std::move(reactor)),
      buffers_(kIdleBuffersMax, &counters_->buffer_byte_count),
      io_{reactor_, scheduler_, buffers_},
      loop_(scheduler_, reactor_),
      channel_(reactor_, std::move(channel),
               [this](const pb::ToWorker& message, std::vector<UniqueFd> fds) {
                 OnMessage(message, std::move(fds));
               }),
      pool_(scheduler_, *counters_, PoolOptions()),
      modules_(pool_, *counters_) {}

absl::Status Worker::Run() {
  SayHello();
  while (!finished()) {
    RETURN_IF_ERROR(loop_.RunOnce(std::min(next_sweep(), shutdown_deadline_)));
    if (channel_.closed()) return channel_.status();
    Sweep();
  }
  return absl::OkStatus();
}

bool Worker::finished() const {
  if (shutdown_deadline_ == kNoDeadline) return false;
  // What penstockd was told last must have left before the process does.
  return (sessions_.empty() && !channel_.congested()) || clock_.Now() >= shutdown_deadline_;
}

void Worker::SayHello() {
  pb::FromWorker message;
  message.mutable_hello()->set_v8_version(std::string(engine::EngineVersion()));
  message.mutable_hello()->set_isolation_mode(std::string(engine::HostPool::isolation_mode()));
  channel_.Send(message);
}

MonotonicTime Worker::next_sweep() const {
  return sessions_.empty() && !garbage_ ? kNoDeadline : last_sweep_ + kSweepInterval;
}

void Worker::Sweep() {
  const MonotonicTime now = clock_.Now();
  if (now < last_sweep_ + kSweepInterval) return;
  last_sweep_ = now;
  for (const auto& [id, session] : sessions_) session->Check(now);
  if (!scheduler_.has_ready()) garbage_ = pool_.CollectOne();
}

void Worker::OnMessage(const pb::ToWorker& message, std::vector<UniqueFd> fds) {
  switch (message.message_case()) {
    case pb::ToWorker::kLoadModule:
      return OnLoadModule(message.load_module(), OnlyFd(fds));
    case pb::ToWorker::kUnloadModule:
      return modules_.Unload(message.unload_module().module_key());
    case pb::ToWorker::kPutTransport:
      return OnPutTransport(message.put_transport(), OnlyFd(fds));
    case pb::ToWorker::kRemoveTransport:
      (void)transports_.erase(message.remove_transport().transport_key());
      return;
    case pb::ToWorker::kStartSession:
      return OnStartSession(message.start_session(), OnlyFd(fds));
    case pb::ToWorker::kDialResult:
      return OnDialResult(message.dial_result(), OnlyFd(fds));
    case pb::ToWorker::kStopSessions:
      return OnStopSessions(message.stop_sessions());
    case pb::ToWorker::kShutdown:
      return OnShutdown(message.shutdown());
    case pb::ToWorker::kInspectModule:
    case pb::ToWorker::MESSAGE_NOT_SET:
      log::Error("penstockd sent a message that has no place here");
  }
}

void Worker::OnLoadModule(const pb::LoadModule& request, const UniqueFd& fd) {
  const absl::Status loaded = modules_.Load(request, fd);
  if (!loaded.ok()) {
    log::Error("module does not load",
               {{"sha256", request.sha256()}, {"error", MessageOf(loaded)}});
  }
  pb::FromWorker message;
  message.mutable_module_loaded()->set_module_key(request.module_key());
  message.mutable_module_loaded()->set_error(std::string(MessageOf(loaded)));
  channel_.Send(message);
}

void Worker::OnPutTransport(const pb::PutTransport& request, const UniqueFd& fd) {
  auto transport = MakeTransport(request, fd, modules_.Find(request.module_key()), clock_);
  if (!transport.ok()) {
    log::Error("transport cannot be taken",
               {{"transport", request.transport_name()}, {"error", MessageOf(transport.status())}});
    return;
  }
  transports_[request.transport_key()] = *std::move(transport);
}

void Worker::OnStartSession(const pb::StartSession& request, UniqueFd connection) {
  const uint64_t id = request.session_id();
  const auto transport = transports_.find(request.transport_key());
  if (transport == transports_.end()) return ReportFailedStart(id, "transport is not known");
  if (request.slot() >= kSessionSlotCount || !connection || sessions_.contains(id)) {
    return ReportFailedStart(id, "message is not well-formed");
  }
  auto session =
      std::make_unique<Session>(SessionContext{io_, pool_, channel_, *counters_, clock_},
                                SessionStart{.id = id,
                                             .transport = transport->second,
                                             .counters = &counters_->sessions[request.slot()],
                                             .connection = std::move(connection)},
                                [this, id] {
                                  garbage_ = true;
                                  sessions_.erase(id);
                                });
  if (!session->Start()) return ReportFailedStart(id, "no memory for another fiber");
  sessions_.emplace(id, std::move(session));
}

void Worker::ReportFailedStart(uint64_t session_id, std::string_view why) {
  pb::FromWorker message;
  message.mutable_session_ended()->set_session_id(session_id);
  message.mutable_session_ended()->set_reason(static_cast<uint32_t>(EndReason::kSetupFailed));
  message.mutable_session_ended()->set_message(std::string(why));
  channel_.Send(message);
}

void Worker::OnDialResult(const pb::DialResult& result, UniqueFd socket) {
  const auto session = sessions_.find(result.session_id());
  // The session may have ended while penstockd dialled; the socket is then closed.
  if (session == sessions_.end()) return;
  session->second->OnDialResult(result.dial_id(), std::move(socket), result.error());
}

void Worker::OnStopSessions(const pb::StopSessions& request) {
  for (const uint64_t id : request.session_ids()) {
    const auto session = sessions_.find(id);
    if (session == sessions_.end()) continue;
    session->second->Stop(request.has_grace_ns() ? Grace(request.grace_ns())
                                                 : session->second->stop_grace());
  }
}

void Worker::OnShutdown(const pb::Shutdown& request) {
  const std::chrono::nanoseconds grace = Grace(request.grace_ns());
  shutdown_deadline_ = std::min(shutdown_deadline_, clock_.Now() + grace + kShutdownMargin);
  for (const auto& [id, session] : sessions_) session->Stop(grace);
}

absl::Status RunInspector(UniqueFd channel_fd) {
  ASSIGN_OR_RETURN(Reactor reactor, Reactor::Create());
  bool answered = false;
  Channel* answer_to = nullptr;
  Channel channel(
      reactor, std::move(channel_fd), [&](const pb::ToWorker& message, std::vector<UniqueFd> fds) {
        if (!message.has_inspect_module() || answered) return;
        pb::FromWorker answer;
        *answer.mutable_module_inspected() = InspectModule(message.inspect_module(), OnlyFd(fds));
        answer_to->Send(answer);
        answered = true;
      });
  answer_to = &channel;
  RETURN_IF_ERROR(channel.Start());
  while (!answered || channel.congested()) {
    RETURN_IF_ERROR(reactor.Poll(kNoDeadline));
    if (channel.closed() && !answered) return channel.status();
  }
  return absl::OkStatus();
}

}  // namespace penstock::worker
