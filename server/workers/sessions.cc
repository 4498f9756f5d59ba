#include "server/workers/sessions.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "server/domain/error.h"

namespace penstock::workers {
namespace {

// IDs in one StopSessions: nine bytes each at most, well below a packet.
constexpr int kStopBatchMax = 4096;
// Of a dial's error, bytes: it is for the log only.
constexpr size_t kDialErrorMax = 1024;

// `text` as ASCII, cut. It may quote what the guest wrote, from the middle of a character on, and a
// message that holds anything but UTF-8 cannot be read by its receiver.
std::string Plain(std::string_view text) {
  std::string plain(text.substr(0, kDialErrorMax));
  std::replace_if(
      plain.begin(), plain.end(), [](char c) { return (c & 0x80) != 0; }, '?');
  return plain;
}

void Zero(SessionCounters& counters) {
  for (SharedCounter& count : counters.byte_count) count.store(0, std::memory_order_relaxed);
  counters.cpu_ns.store(0, std::memory_order_relaxed);
  counters.memory_byte_count.store(0, std::memory_order_relaxed);
}

void ReadInto(const SessionCounters& counters, domain::Session& session) {
  for (size_t i = 0; i < kDirectionCount; ++i) {
    session.byte_count[i] = counters.byte_count[i].load(std::memory_order_relaxed);
  }
  const uint64_t cpu_ns = counters.cpu_ns.load(std::memory_order_relaxed);
  session.cpu_time = std::chrono::nanoseconds(static_cast<int64_t>(cpu_ns));
  session.memory_byte_count = counters.memory_byte_count.load(std::memory_order_relaxed);
}

// Ends that somebody asked for or that are the normal course of things.
bool IsOrdinary(EndReason reason) {
  return reason == EndReason::kCompleted || reason == EndReason::kStopped ||
         reason == EndReason::kIdleTimeout || reason == EndReason::kLifetime;
}

domain::Session RecordOf(const WorkerLink& worker, const Route& route, std::string peer_address) {
  domain::Session record;
  record.name.transport = route.transport().name;
  record.role = route.transport().role;
  record.peer_address = std::move(peer_address);
  record.worker = worker.index();
  record.module_sha256 = route.revision->module_sha256;
  return record;
}

}  // namespace

absl::Status Sessions::Start(WorkerLink& worker, std::shared_ptr<const Route> route,
                             Connection connection) {
  Table& table = tables_[worker.index()];
  table.link = &worker;
  table.counters = worker.counters();
  const std::optional<uint32_t> slot = table.slots.Take();
  if (!slot) return absl::ResourceExhaustedError("the worker has no session slot left");
  Zero((*table.counters)->sessions[*slot]);
  const domain::SessionName name =
      registry_.Begin(RecordOf(worker, *route, connection.peer_address),
                      [counters = table.counters, slot = *slot](domain::Session& session) {
                        ReadInto((*counters)->sessions[slot], session);
                      });
  auto dials =
      std::make_unique<SessionDials>(dial_tools_, route, AnswerTo(worker, name.session_id));
  pb::ToWorker message;
  message.mutable_start_session()->set_session_id(name.session_id);
  message.mutable_start_session()->set_transport_key(route->transport_key);
  message.mutable_start_session()->set_slot(*slot);
  table.sessions[name.session_id] = {.name = name,
                                     .route = std::move(route),
                                     .slot = *slot,
                                     .peer_address = std::move(connection.peer_address),
                                     .accept_time = connection.accept_time,
                                     .active_time = {},
                                     .dials = std::move(dials)};
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(connection.socket));
  worker.Send(message, std::move(fds));
  return absl::OkStatus();
}

SessionDials::Answer Sessions::AnswerTo(WorkerLink& worker, uint64_t session_id) {
  return [this, &worker, session_id](uint32_t dial_id, absl::StatusOr<net::DialOutcome> outcome) {
    pb::ToWorker message;
    pb::DialResult& result = *message.mutable_dial_result();
    result.set_session_id(session_id);
    result.set_dial_id(dial_id);
    std::vector<UniqueFd> fds;
    if (outcome.ok()) {
      registry_.SetRemoteAddress(session_id, outcome->address);
      fds.push_back(std::move(outcome->socket));
    } else {
      result.set_error(Plain(MessageOf(outcome.status())));
    }
    worker.Send(message, std::move(fds));
  };
}

Sessions::Session* Sessions::Find(const WorkerLink& worker, uint64_t session_id) {
  if (const auto table = tables_.find(worker.index()); table != tables_.end()) {
    const auto session = table->second.sessions.find(session_id);
    if (session != table->second.sessions.end()) return &session->second;
  }
  ++stats_.stray_message_count;
  return nullptr;
}

void Sessions::OnActive(WorkerLink& worker, const pb::SessionActive& active) {
  Session* session = Find(worker, active.session_id());
  if (session == nullptr || session->active_time.has_value()) return;
  session->active_time = clock_.Now();
  stats_.session_setup_time.Observe(*session->active_time - session->accept_time);
  registry_.Activate(active.session_id());
}

void Sessions::OnEnded(WorkerLink& worker, const pb::SessionEnded& ended) {
  Session* session = Find(worker, ended.session_id());
  if (session == nullptr) return;
  Table& table = tables_[worker.index()];
  End(table, *session, static_cast<EndReason>(ended.reason()), ended.message());
  table.slots.Free(session->slot);
  table.sessions.erase(ended.session_id());
}

void Sessions::End(Table& table, Session& session, EndReason reason, const std::string& message) {
  session.dials.reset();
  if (session.active_time) stats_.session_duration.Observe(clock_.Now() - *session.active_time);
  LogEnd(table, session, reason, message);
  registry_.End(session.name.session_id, reason, message);
}

void Sessions::LogEnd(const Table& table, const Session& session, EndReason reason,
                      const std::string& message) const {
  domain::Session figures;
  ReadInto((*table.counters)->sessions[session.slot], figures);
  const auto bytes = [&](Direction direction) {
    return std::to_string(figures.byte_count[static_cast<size_t>(direction)]);
  };
  const auto duration =
      std::chrono::duration_cast<std::chrono::milliseconds>(clock_.Now() - session.accept_time);
  const domain::TransportName& transport = session.name.transport;
  log::Write(IsOrdinary(reason) ? log::Level::kInfo : log::Level::kWarning, "session ended",
             {{"tenant", transport.tenant},
              {"transport", transport.transport},
              {"session", std::to_string(session.name.session_id)},
              {"peer", session.peer_address},
              {"reason", EndReasonName(reason)},
              {"detail", message},
              {"duration_ms", std::to_string(duration.count())},
              {"accepted_received_bytes", bytes(Direction::kAcceptedReceived)},
              {"accepted_sent_bytes", bytes(Direction::kAcceptedSent)},
              {"dialed_received_bytes", bytes(Direction::kDialedReceived)},
              {"dialed_sent_bytes", bytes(Direction::kDialedSent)}});
}

void Sessions::OnGuestLog(WorkerLink& worker, const pb::GuestLog& line) {
  const Session* session = Find(worker, line.session_id());
  if (session == nullptr) return;
  const domain::TransportName& transport = session->name.transport;
  log::Info(line.line(), {{"guest", "true"},
                          {"tenant", transport.tenant},
                          {"transport", transport.transport},
                          {"session", std::to_string(line.session_id())},
                          {"stream", line.is_stderr() ? "stderr" : "stdout"},
                          {"dropped", std::to_string(line.dropped_count())}});
}

absl::Status Sessions::OnDialRequest(WorkerLink& worker, const pb::DialRequest& request) {
  Session* session = Find(worker, request.session_id());
  return session == nullptr ? absl::OkStatus() : session->dials->Start(request);
}

void Sessions::OnLost(int worker, EndReason reason, const std::string& message) {
  // Out of the way first: what hears of the ends may look at the sessions.
  auto lost = tables_.extract(worker);
  if (lost.empty()) return;
  for (auto& [session_id, session] : lost.mapped().sessions) {
    End(lost.mapped(), session, reason, message);
  }
}

void Sessions::Stop(const domain::TransportName& transport) {
  for (auto& [index, table] : tables_) {
    pb::ToWorker message;
    pb::StopSessions& stop = *message.mutable_stop_sessions();
    for (const auto& [session_id, session] : table.sessions) {
      if (session.name.transport != transport) continue;
      stop.add_session_ids(session_id);
      if (stop.session_ids_size() < kStopBatchMax) continue;
      table.link->Send(message);
      stop.clear_session_ids();
    }
    if (stop.session_ids_size() > 0) table.link->Send(message);
  }
}

absl::Status Sessions::Stop(const domain::SessionName& name) {
  for (auto& [index, table] : tables_) {
    const auto found = table.sessions.find(name.session_id);
    if (found == table.sessions.end() || found->second.name != name) continue;
    pb::ToWorker message;
    message.mutable_stop_sessions()->add_session_ids(name.session_id);
    table.link->Send(message);
    return absl::OkStatus();
  }
  return domain::MakeError(absl::StatusCode::kNotFound,
                           fmt::format("{} is not a live session", name.ToString()),
                           {.reason = "SESSION_NOT_FOUND",
                            .resource_type = "penstock.dev/Session",
                            .resource_name = name.ToString()});
}

size_t Sessions::count(int worker) const {
  const auto table = tables_.find(worker);
  return table == tables_.end() ? 0 : table->second.sessions.size();
}

}  // namespace penstock::workers
