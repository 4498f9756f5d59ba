#include "server/workers/worker.h"

#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "base/seqpacket.h"
#include "base/status.h"

namespace penstock::workers {

Worker::Worker(asio::io_context& io, const Clock& clock, int index, Options options,
               Observer& observer)
    : io_(io),
      clock_(clock),
      timers_(io),
      index_(index),
      options_(std::move(options)),
      observer_(observer),
      backoff_(options_.backoff) {}

void Worker::Start() { StartProcess(); }

void Worker::StartProcess() {
  start_time_ = clock_.Now();
  const absl::Status started = TryStartProcess();
  if (started.ok()) {
    log::Info("worker started",
              {{"worker", std::to_string(index_)}, {"pid", std::to_string(pid())}});
    KillAfter(options_.hello_timeout, "it did not say Hello in time");
    return SetState(state_);
  }
  log::Error("worker cannot be started",
             {{"worker", std::to_string(index_)}, {"error", MessageOf(started)}});
  channel_.reset();
  process_.reset();
  Restart();
}

absl::Status Worker::TryStartProcess() {
  ASSIGN_OR_RETURN(SharedCounters counters, SharedCounters::Create());
  counters_ = std::make_shared<SharedCounters>(std::move(counters));
  ASSIGN_OR_RETURN(auto pair, SeqpacketSocket::Pair());
  ASSIGN_OR_RETURN(
      channel_,
      WorkerChannel::Create(
          io_, std::move(pair.first),
          {.on_message = [this](const pb::FromWorker& message) { return OnMessage(message); },
           .on_failure = [this](const absl::Status& status) { OnChannelFailure(status); }}));
  const SpawnSpec spec = {.path = options_.path,
                          .arguments = options_.arguments,
                          .environment = options_.environment,
                          .channel_fd = pair.second.fd(),
                          .counters_fd = counters_->fd()};
  ASSIGN_OR_RETURN(
      process_, WorkerProcess::Spawn(io_, spec, [this](const std::string& how) { OnExit(how); }));
  return absl::OkStatus();
}

void Worker::Send(const pb::ToWorker& message, std::vector<UniqueFd> fds) {
  if (channel_ != nullptr) channel_->Send(message, std::move(fds));
}

absl::Status Worker::OnMessage(const pb::FromWorker& message) {
  if (message.has_hello()) return OnHello(message.hello());
  if (!ready()) return absl::InvalidArgumentError("message before Hello");
  return observer_.OnMessage(*this, message);
}

absl::Status Worker::OnHello(const pb::Hello& hello) {
  if (ready()) return absl::InvalidArgumentError("second Hello");
  if (stopping_) return absl::OkStatus();
  deadline_.reset();
  SetState(State::kReady);
  observer_.OnReady(*this, hello);
  return absl::OkStatus();
}

void Worker::OnChannelFailure(const absl::Status& status) {
  if (absl::IsInvalidArgument(status)) {
    log::Error("worker breaks the protocol and is killed",
               {{"worker", std::to_string(index_)}, {"error", MessageOf(status)}});
    observer_.OnViolation(*this);
  }
  if (process_ != nullptr) process_->Kill();
}

void Worker::OnExit(const std::string& how) {
  // What it said before it died still counts: sessions that ended by themselves are not lost.
  channel_->Drain();
  deadline_.reset();
  const auto level = stopping_ ? log::Level::kInfo : log::Level::kWarning;
  log::Write(level, stopping_ ? "worker stopped" : "worker lost",
             {{"worker", std::to_string(index_)}, {"pid", std::to_string(pid())}, {"how", how}});
  // Not ready before its sessions are given up, so that none is placed here meanwhile.
  state_ = State::kRestarting;
  observer_.OnLost(*this);
  channel_.reset();
  process_.reset();
  if (stopping_) {
    SetState(state_);
    return observer_.OnStopped(*this);
  }
  Restart();
}

void Worker::Restart() {
  SetState(State::kRestarting);
  restart_ = timers_.After(backoff_.Next(clock_.Now() - start_time_), [this] {
    ++restart_count_;
    StartProcess();
  });
}

void Worker::Stop(std::chrono::nanoseconds grace) {
  stopping_ = true;
  restart_.reset();
  if (process_ == nullptr) {
    deadline_ = timers_.After({}, [this] { observer_.OnStopped(*this); });
    return;
  }
  if (!ready()) return process_->Kill();
  pb::ToWorker message;
  message.mutable_shutdown()->set_grace_ns(static_cast<uint64_t>(grace.count()));
  Send(message);
  KillAfter(grace + options_.kill_delay, "it did not stop in time");
}

void Worker::KillAfter(std::chrono::nanoseconds delay, std::string why) {
  deadline_ = timers_.After(delay, [this, why = std::move(why)] {
    log::Error("worker is killed", {{"worker", std::to_string(index_)}, {"error", why}});
    if (process_ != nullptr) process_->Kill();
  });
}

void Worker::SetState(State state) {
  state_ = state;
  observer_.OnStateChanged(*this);
}

}  // namespace penstock::workers
