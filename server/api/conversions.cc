#include "server/api/conversions.h"

#include <chrono>
#include <string>

#include "base/status.h"
#include "fmt/format.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

template <typename Map>
std::map<std::string, std::string> MapOf(const Map& map) {
  return {map.begin(), map.end()};
}

template <typename Map>
void SetMap(const std::map<std::string, std::string>& from, Map* to) {
  for (const auto& [key, value] : from) (*to)[key] = value;
}

pb::Session::State ToProto(domain::SessionState state) {
  return static_cast<pb::Session::State>(state);
}
static_assert(static_cast<int>(domain::SessionState::kEnded) == pb::Session::STATE_ENDED);

int64_t Signed(uint64_t value) { return static_cast<int64_t>(value); }

}  // namespace

void SetDuration(std::chrono::nanoseconds from, google::protobuf::Duration* to) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(from);
  to->set_seconds(seconds.count());
  to->set_nanos(static_cast<int32_t>((from - seconds).count()));
}

void SetTimestamp(WallTime from, google::protobuf::Timestamp* to) {
  const auto since_epoch = from.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  to->set_seconds(seconds.count());
  to->set_nanos(static_cast<int32_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count()));
}

std::string EtagOf(int64_t revision) { return fmt::format("{}", revision); }

pb::Module ToProto(const domain::Module& module) {
  pb::Module to;
  to.set_name(module.name.ToString());
  to.set_uid(module.uid);
  to.set_description(module.description);
  SetMap(module.labels, to.mutable_labels());
  to.set_sha256(module.sha256);
  to.set_size_bytes(Signed(module.byte_count));
  to.set_abi("watm/v1");
  for (const domain::Role role : module.roles) to.add_roles(static_cast<pb::Role>(role));
  for (const std::string& import : module.imports) to.add_imports(import);
  to.mutable_memory()->set_minimum_bytes(Signed(module.memory_minimum_byte_count));
  if (module.memory_maximum_byte_count) {
    to.mutable_memory()->set_maximum_bytes(Signed(*module.memory_maximum_byte_count));
  }
  SetTimestamp(module.create_time, to.mutable_create_time());
  SetTimestamp(module.update_time, to.mutable_update_time());
  to.set_etag(EtagOf(module.revision));
  return to;
}

pb::Session ToProto(const domain::Session& session) {
  pb::Session to;
  to.set_name(session.name.ToString());
  to.set_state(ToProto(session.state));
  to.set_role(static_cast<pb::Role>(session.role));
  to.set_peer_address(session.peer_address);
  to.set_remote_address(session.remote_address);
  to.set_worker(session.worker);
  to.set_module_sha256(session.module_sha256);
  SetTimestamp(session.start_time, to.mutable_start_time());
  if (session.end_time) SetTimestamp(*session.end_time, to.mutable_end_time());
  const auto bytes = [&](Direction direction) {
    return Signed(session.byte_count[static_cast<size_t>(direction)]);
  };
  to.set_accepted_bytes_received(bytes(Direction::kAcceptedReceived));
  to.set_accepted_bytes_sent(bytes(Direction::kAcceptedSent));
  to.set_dialed_bytes_received(bytes(Direction::kDialedReceived));
  to.set_dialed_bytes_sent(bytes(Direction::kDialedSent));
  SetDuration(session.cpu_time, to.mutable_cpu_time());
  to.set_memory_bytes(Signed(session.memory_byte_count));
  if (session.end_reason) to.set_end_reason(std::string(EndReasonName(*session.end_reason)));
  to.set_end_message(session.end_message);
  return to;
}

pb::WorkerInfo ToProto(const workers::WorkerStatus& status) {
  pb::WorkerInfo to;
  to.set_index(status.index);
  to.set_pid(status.pid);
  switch (status.state) {
    case workers::WorkerStatus::State::kStarting:
      to.set_state(pb::WorkerInfo::STATE_STARTING);
      break;
    case workers::WorkerStatus::State::kReady:
      to.set_state(pb::WorkerInfo::STATE_READY);
      break;
    case workers::WorkerStatus::State::kRestarting:
      to.set_state(pb::WorkerInfo::STATE_RESTARTING);
      break;
  }
  to.set_session_count(static_cast<int32_t>(status.session_count));
  to.set_restart_count(Signed(status.restart_count));
  return to;
}

absl::StatusOr<app::Modules::UploadRequest> UploadRequestFromProto(
    const pb::UploadModuleHeader& header, std::string_view field) {
  app::Modules::UploadRequest request;
  ASSIGN_OR_RETURN(request.parent,
                   domain::TenantName::Parse(header.parent(), fmt::format("{}.parent", field)));
  if (header.size_bytes() < 0) {
    return domain::InvalidField(
        fmt::format("{}.size_bytes", field), "NEGATIVE_SIZE",
        fmt::format("size_bytes is {}; it must be the module's size", header.size_bytes()));
  }
  request.module_id = header.module_id();
  request.description = header.module().description();
  request.labels = MapOf(header.module().labels());
  request.sha256 = header.sha256();
  request.byte_count = header.size_bytes();
  request.replace = header.replace();
  request.validate_only = header.validate_only();
  request.request_id = header.request_id();
  return request;
}

}  // namespace penstock::api
