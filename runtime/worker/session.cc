#include "runtime/worker/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/status.h"
#include "runtime/wasi/fd_table.h"
#include "runtime/wasi/mem_fs.h"
#include "runtime/wasi/preview1.h"
#include "runtime/wasi/stdio.h"
#include "runtime/watm/watm_host.h"
#include "runtime/worker/limits.h"
#include "runtime/worker/utf8.h"

namespace penstock::worker {
namespace {

// The name by which guests find their configuration.
constexpr std::string_view kFilesDirectory = "/conf/";

// True when what the guest wrote is still to be delivered. A guest that was cut in the middle has
// its connections reset instead: its peers must not take a torn stream for a whole one.
bool EndsInOrder(EndReason reason) {
  switch (reason) {
    case EndReason::kCompleted:
    case EndReason::kGuestError:
    case EndReason::kBadDescriptor:
    case EndReason::kDialFailed:
    case EndReason::kUpstreamFailed:
      return true;
    default:
      return false;
  }
}

}  // namespace

Session::Session(const SessionContext& context, SessionStart start, std::function<void()> on_ended)
    : context_(context),
      start_(std::move(start)),
      on_ended_(std::move(on_ended)),
      log_(context.channel, context.counters, context.clock, start_.id),
      started_(context.clock.Now()),
      payload_seen_(started_) {}

Session::~Session() = default;

bool Session::Start() {
  fiber_ = context_.io.scheduler.Spawn([this] { Main(); });
  return fiber_ != nullptr;
}

void Session::Main() {
  const watm::SequenceResult result = Carry();
  ReportEnd(result.reason, result.message);
  const auto on_ended = on_ended_;
  on_ended();
}

void Session::ReportEnd(EndReason reason, std::string_view message) {
  pb::FromWorker ended;
  ended.mutable_session_ended()->set_session_id(start_.id);
  ended.mutable_session_ended()->set_reason(static_cast<uint32_t>(reason));
  ended.mutable_session_ended()->set_message(ToUtf8(message, kMessageByteCountMax));
  context_.channel.Send(ended);
}

watm::SequenceResult Session::Carry() {
  wasi::StreamSet streams(context_.io, *fiber_, context_.clock);
  watm::SequenceResult result;
  {
    wasi::FdTable fds;
    result = RunGuest(fds, streams);
    if (cancel_reason_ && result.reason == EndReason::kStopped) result.reason = *cancel_reason_;
    if (!EndsInOrder(result.reason)) streams.ResetAll();
  }
  streams.CloseAll();
  Drain(streams);
  // Cut while its last bytes were on their way.
  if (cancel_reason_ && EndsInOrder(result.reason) && !streams.all_closed()) {
    streams.ResetAll();
    result.reason = *cancel_reason_;
  }
  // A guest that heeds EXIT ends in order, and is stopped all the same.
  if (stop_deadline_ != kNoDeadline && result.reason == EndReason::kCompleted) {
    result.reason = EndReason::kStopped;
  }
  return result;
}

watm::SequenceResult Session::RunGuest(wasi::FdTable& fds, wasi::StreamSet& streams) {
  control_pipe_ = std::make_shared<wasi::ControlPipe>(context_.io.scheduler, *fiber_);
  if (stop_deadline_ != kNoDeadline) control_pipe_->SendExit();
  wasi::InstallStdio(fds, log_);
  if (start_.transport->files != nullptr) {
    (void)wasi::InstallPreopen(fds, start_.transport->files, std::string(kFilesDirectory));
  }
  wasi::Preview1 preview1(
      {.fds = fds, .streams = streams, .clock = context_.clock, .args = {}, .environ = {}});
  watm::WatmHost host({.role = start_.transport->role,
                       .fds = fds,
                       .streams = streams,
                       .dialer = *this,
                       .counters = Counters(),
                       .connection = std::move(start_.connection)});
  auto instance = context_.pool.Instantiate(start_.transport->module, start_.transport->tenant,
                                            {.import_objects = {&preview1, &host},
                                             .cpu_burst_max = start_.transport->limits.cpu_burst,
                                             .session = start_.counters});
  watm::SequenceResult result;
  if (instance.ok()) {
    result = watm::RunSequence({.role = start_.transport->role,
                                .guest = **instance,
                                .host = host,
                                .fds = fds,
                                .control_pipe = control_pipe_,
                                .observer = *this});
  } else {
    // ABORTED is the guest's own start function; it may have been stopped as well.
    const bool guest = instance.status().code() == absl::StatusCode::kAborted;
    result = {.reason = !guest           ? EndReason::kSetupFailed
                        : cancel_reason_ ? EndReason::kStopped
                                         : EndReason::kGuestTrap,
              .message = std::string(MessageOf(instance.status()))};
  }
  control_pipe_.reset();
  return result;
}

void Session::Drain(wasi::StreamSet& streams) {
  while (!streams.all_closed()) {
    if (context_.io.scheduler.Park(streams.next_deadline()) == Wake::kCancelled) return;
    streams.Tick(context_.clock.Now());
  }
}

void Session::OnActive() {
  active_ = true;
  payload_seen_ = context_.clock.Now();
  pb::FromWorker message;
  message.mutable_session_active()->set_session_id(start_.id);
  context_.channel.Send(message);
}

bool Session::Configured(watm::DialRequest::Target target) const {
  switch (target) {
    case watm::DialRequest::Target::kRemote:
      return start_.transport->has_remote;
    case watm::DialRequest::Target::kNamed:
      return start_.transport->has_dial_allow;
    case watm::DialRequest::Target::kUpstream:
      break;
  }
  return true;
}

watm::DialReply Session::Dial(const watm::DialRequest& request) {
  using Kind = watm::DialReply::Kind;
  if (!IsUtf8(request.network) || !IsUtf8(request.address)) {
    return {.kind = Kind::kFailed, .socket = {}, .error = "the address is not text"};
  }
  dial_ = PendingDial{.id = ++last_dial_id_, .reply = {}};
  pb::FromWorker message;
  pb::DialRequest& dial = *message.mutable_dial_request();
  dial.set_session_id(start_.id);
  dial.set_dial_id(dial_->id);
  switch (request.target) {
    case watm::DialRequest::Target::kRemote:
      dial.set_target(pb::DialRequest::TARGET_REMOTE);
      break;
    case watm::DialRequest::Target::kNamed:
      dial.set_target(pb::DialRequest::TARGET_NAMED);
      break;
    case watm::DialRequest::Target::kUpstream:
      dial.set_target(pb::DialRequest::TARGET_UPSTREAM);
      break;
  }
  dial.set_network(request.network);
  dial.set_address(request.address);
  context_.channel.Send(message);
  while (!dial_->reply) {
    if (context_.io.scheduler.Park(kNoDeadline) != Wake::kCancelled) continue;
    dial_.reset();
    return {.kind = Kind::kCancelled, .socket = {}, .error = {}};
  }
  watm::DialReply reply = *std::move(dial_->reply);
  dial_.reset();
  return reply;
}

void Session::OnDialResult(uint32_t dial_id, UniqueFd socket, std::string error) {
  using Kind = watm::DialReply::Kind;
  if (!dial_ || dial_->id != dial_id || dial_->reply) return;
  const Kind kind = socket ? Kind::kConnected : Kind::kFailed;
  dial_->reply.emplace(
      watm::DialReply{.kind = kind, .socket = std::move(socket), .error = std::move(error)});
  context_.io.scheduler.Ready(*fiber_);
}

void Session::Stop(std::chrono::nanoseconds grace) {
  stop_deadline_ = std::min(stop_deadline_, context_.clock.Now() + grace);
  if (control_pipe_ != nullptr) control_pipe_->SendExit();
}

void Session::Cancel(EndReason reason) {
  if (cancel_reason_) return;
  cancel_reason_ = reason;
  context_.io.scheduler.Cancel(*fiber_);
}

void Session::Check(MonotonicTime now) {
  const SessionLimits& limits = start_.transport->limits;
  if (const uint64_t moved = PayloadByteCount(); moved != payload_byte_count_) {
    payload_byte_count_ = moved;
    payload_seen_ = now;
  }
  if (now >= stop_deadline_) return Cancel(EndReason::kStopped);
  if (!active_ && now >= started_ + limits.handshake_timeout) {
    return Cancel(EndReason::kHandshakeTimeout);
  }
  if (limits.lifetime > limits.lifetime.zero() && now >= started_ + limits.lifetime) {
    return Cancel(EndReason::kLifetime);
  }
  if (active_ && now >= payload_seen_ + limits.idle_timeout) Cancel(EndReason::kIdleTimeout);
}

watm::StreamCounters Session::Counters() {
  const auto role = static_cast<size_t>(start_.transport->role);
  const auto of = [&](Direction received, Direction sent) {
    const auto from = static_cast<size_t>(received);
    const auto to = static_cast<size_t>(sent);
    return Stream::Counters{.session_received = &start_.counters->byte_count[from],
                            .session_sent = &start_.counters->byte_count[to],
                            .total_received = &context_.counters.byte_count[role][from],
                            .total_sent = &context_.counters.byte_count[role][to]};
  };
  return {.accepted = of(Direction::kAcceptedReceived, Direction::kAcceptedSent),
          .dialed = of(Direction::kDialedReceived, Direction::kDialedSent)};
}

uint64_t Session::PayloadByteCount() const {
  uint64_t sum = 0;
  for (const SharedCounter& count : start_.counters->byte_count) {
    sum += count.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace penstock::worker
