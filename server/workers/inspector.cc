#include "server/workers/inspector.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "base/seqpacket.h"
#include "base/status.h"
#include "server/domain/error.h"
#include "server/domain/resources.h"

namespace penstock::workers {
namespace {

// The request's field that carries the bytes.
constexpr std::string_view kField = "chunk";
constexpr std::string_view kInspectFlag = "--inspect";

absl::Status Closed() { return absl::UnavailableError("the server is shutting down"); }

absl::StatusOr<InspectedModule> ResultOf(const pb::ModuleInspected& inspected) {
  if (!inspected.error_reason().empty()) {
    return domain::InvalidField(kField, inspected.error_reason(), inspected.error_message());
  }
  InspectedModule module;
  for (const int role : inspected.roles()) module.roles.push_back(static_cast<domain::Role>(role));
  module.imports.assign(inspected.imports().begin(), inspected.imports().end());
  module.memory_minimum_byte_count = inspected.memory_minimum_bytes();
  if (inspected.has_memory_maximum_bytes()) {
    module.memory_maximum_byte_count = inspected.memory_maximum_bytes();
  }
  return module;
}

}  // namespace

void Inspector::Inspect(std::string sha256, std::shared_ptr<const UniqueFd> module_fd, Done done) {
  if (closed_) return done(Closed());
  if (queue_.size() >= options_.queue_max) {
    return done(domain::MakeError(
        absl::StatusCode::kResourceExhausted,
        fmt::format("{} uploads are waiting to be inspected already; try again", queue_.size()),
        {.reason = "INSPECT_QUEUE_FULL"}));
  }
  ++stats_.inspecting_count;
  queue_.push_back({std::move(sha256), std::move(module_fd), std::move(done)});
  StartNext();
}

void Inspector::StartNext() {
  while (!queue_.empty() && runs_.size() < options_.processes_max) {
    const Request request = std::move(queue_.front());
    queue_.pop_front();
    const uint64_t run_id = next_run_id_++;
    const absl::Status started = TryStart(run_id, request);
    if (started.ok()) continue;
    runs_.erase(run_id);
    log::Error("module inspection cannot be started", {{"error", MessageOf(started)}});
    Answer(request.done, absl::UnavailableError("the module cannot be inspected now; try again"));
  }
}

absl::Status Inspector::TryStart(uint64_t run_id, const Request& request) {
  Run& run = runs_[run_id];
  ASSIGN_OR_RETURN(auto pair, SeqpacketSocket::Pair());
  ASSIGN_OR_RETURN(
      run.channel,
      WorkerChannel::Create(
          io_, std::move(pair.first),
          {.on_message = [this, &run](const auto& message) { return OnMessage(run, message); },
           .on_failure =
               [&run](const absl::Status&) {
                 if (run.process != nullptr) run.process->Kill();
               }}));
  SpawnSpec spec = {.path = options_.path,
                    .arguments = options_.arguments,
                    .environment = options_.environment,
                    .channel_fd = pair.second.fd(),
                    .counters_fd = -1};
  spec.arguments.emplace_back(kInspectFlag);
  ASSIGN_OR_RETURN(run.process,
                   WorkerProcess::Spawn(
                       io_, spec, [this, run_id](const std::string& how) { OnExit(run_id, how); }));
  std::vector<UniqueFd> fds;
  fds.emplace_back(fcntl(request.module_fd->get(), F_DUPFD_CLOEXEC, 0));
  if (!fds.front()) return ErrnoStatus(errno, "F_DUPFD_CLOEXEC");
  pb::ToWorker message;
  message.mutable_inspect_module()->set_sha256(request.sha256);
  message.mutable_inspect_module()->set_memory_bytes_max(domain::kMemoryByteCountMax);
  run.channel->Send(message, std::move(fds));
  run.deadline = timers_.After(options_.timeout, [this, &run] {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(options_.timeout);
    Finish(run, domain::InvalidField(
                    kField, "COMPILE_TIMEOUT",
                    fmt::format("the module was not compiled within {} s", seconds.count())));
  });
  run.done = request.done;
  return absl::OkStatus();
}

absl::Status Inspector::OnMessage(Run& run, const pb::FromWorker& message) {
  if (message.has_hello()) return absl::OkStatus();
  if (!message.has_module_inspected()) {
    return absl::InvalidArgumentError("message that has no place in an inspection");
  }
  Finish(run, ResultOf(message.module_inspected()));
  return absl::OkStatus();
}

void Inspector::OnExit(uint64_t run_id, const std::string& how) {
  Run& run = runs_.at(run_id);
  run.channel->Drain();
  Finish(run, domain::InvalidField(
                  kField, "COMPILER_CRASHED",
                  fmt::format("the process that compiled the module ended with {}", how)));
  runs_.erase(run_id);
  if (!closed_) StartNext();
}

void Inspector::Finish(Run& run, absl::StatusOr<InspectedModule> result) {
  run.deadline.reset();
  run.process->Kill();
  // Called once: the later of answer, deadline and exit find it empty.
  const Done done = std::exchange(run.done, nullptr);
  if (done != nullptr) Answer(done, std::move(result));
}

void Inspector::Answer(const Done& done, absl::StatusOr<InspectedModule> result) {
  --stats_.inspecting_count;
  done(std::move(result));
}

void Inspector::Close() {
  closed_ = true;
  for (const Request& request : std::exchange(queue_, {})) Answer(request.done, Closed());
  for (auto& [run_id, run] : runs_) Finish(run, Closed());
}

}  // namespace penstock::workers
