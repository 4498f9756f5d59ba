#include <openssl/sha.h>

#include <array>
#include <chrono>
#include <limits>
#include <optional>
#include <string>

#include "base/status.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "server/api/conversions.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

// The configuration's file that has a field of its own.
constexpr char kConfigurationFile[] = "watm.cfg";

std::string Sha256Hex(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return fmt::format("{:02x}", fmt::join(digest, ""));
}

void SetLimit(const std::optional<std::chrono::nanoseconds>& from,
              google::protobuf::Duration* (pb::TransportLimits::*mutable_field)(),
              pb::TransportLimits* to) {
  if (from) SetDuration(*from, (to->*mutable_field)());
}

void SetLimits(const domain::TransportLimits& limits, pb::TransportLimits* to) {
  if (limits.sessions_max) to->set_sessions_max(static_cast<int32_t>(*limits.sessions_max));
  SetLimit(limits.handshake_timeout, &pb::TransportLimits::mutable_handshake_timeout, to);
  SetLimit(limits.idle_timeout, &pb::TransportLimits::mutable_idle_timeout, to);
  SetLimit(limits.lifetime_max, &pb::TransportLimits::mutable_lifetime_max, to);
  SetLimit(limits.cpu_burst_max, &pb::TransportLimits::mutable_cpu_burst_max, to);
  SetLimit(limits.stop_grace, &pb::TransportLimits::mutable_stop_grace, to);
  if (limits.memory_byte_count_max) {
    to->set_memory_bytes_max(static_cast<int64_t>(*limits.memory_byte_count_max));
  }
}

// The size and digest of watm.cfg and the names of the files beside it, instead of the contents.
void SetConfiguration(const std::map<std::string, std::string>& files,
                      pb::ModuleConfiguration* to) {
  for (const auto& [name, contents] : files) {
    if (name == kConfigurationFile) {
      to->set_sha256(Sha256Hex(contents));
      to->set_size_bytes(static_cast<int64_t>(contents.size()));
    } else {
      to->add_file_names(name);
    }
  }
}

void SetConditions(const domain::TransportStatus& status, pb::Transport* to) {
  for (const domain::Condition& condition : status.conditions) {
    pb::Condition* added = to->add_conditions();
    added->set_type(condition.type);
    added->set_status(condition.status ? pb::Condition::STATUS_TRUE : pb::Condition::STATUS_FALSE);
    added->set_reason(condition.reason);
    added->set_message(condition.message);
    SetTimestamp(condition.last_transition_time, added->mutable_last_transition_time());
  }
}

absl::Status SetOptional(const google::protobuf::Duration& from, std::string_view field,
                         std::optional<std::chrono::nanoseconds>& to) {
  constexpr int64_t kSecondsMax = std::numeric_limits<int64_t>::max() / 1'000'000'000 - 1;
  if (from.seconds() < 0 || from.nanos() < 0 || from.nanos() > 999'999'999 ||
      from.seconds() > kSecondsMax) {
    return domain::InvalidField(
        field, "INVALID_DURATION",
        fmt::format("{} is {} s and {} ns; it must be a duration of zero or more", field,
                    from.seconds(), from.nanos()));
  }
  to = std::chrono::seconds(from.seconds()) + std::chrono::nanoseconds(from.nanos());
  return absl::OkStatus();
}

// 0 is "not set"; a negative number is refused.
template <typename From, typename To>
absl::Status SetOptional(From from, std::string_view field, std::optional<To>& to) {
  if (from < 0) {
    return domain::InvalidField(field, "NEGATIVE_LIMIT",
                                fmt::format("{} is {}; it must be positive", field, from));
  }
  if (from > 0) to = static_cast<To>(from);
  return absl::OkStatus();
}

absl::StatusOr<domain::TransportLimits> LimitsFromProto(const pb::TransportLimits& from,
                                                        std::string_view field) {
  domain::TransportLimits to;
  const auto path = [&](std::string_view name) { return fmt::format("{}.{}", field, name); };
  RETURN_IF_ERROR(SetOptional(from.sessions_max(), path("sessions_max"), to.sessions_max));
  RETURN_IF_ERROR(
      SetOptional(from.memory_bytes_max(), path("memory_bytes_max"), to.memory_byte_count_max));
  if (from.has_handshake_timeout()) {
    RETURN_IF_ERROR(
        SetOptional(from.handshake_timeout(), path("handshake_timeout"), to.handshake_timeout));
  }
  if (from.has_idle_timeout()) {
    RETURN_IF_ERROR(SetOptional(from.idle_timeout(), path("idle_timeout"), to.idle_timeout));
  }
  if (from.has_lifetime_max()) {
    RETURN_IF_ERROR(SetOptional(from.lifetime_max(), path("lifetime_max"), to.lifetime_max));
  }
  if (from.has_cpu_burst_max()) {
    RETURN_IF_ERROR(SetOptional(from.cpu_burst_max(), path("cpu_burst_max"), to.cpu_burst_max));
  }
  if (from.has_stop_grace()) {
    RETURN_IF_ERROR(SetOptional(from.stop_grace(), path("stop_grace"), to.stop_grace));
  }
  return to;
}

absl::StatusOr<std::map<std::string, std::string>> FilesFromProto(
    const pb::ModuleConfiguration& from, std::string_view field) {
  std::map<std::string, std::string> files(from.files().begin(), from.files().end());
  if (from.watm_cfg().empty()) return files;
  if (!files.emplace(kConfigurationFile, from.watm_cfg()).second) {
    return domain::InvalidField(fmt::format("{}.files", field), "DUPLICATE_FILE",
                                "watm.cfg is given twice: in watm_cfg and among files");
  }
  return files;
}

absl::StatusOr<domain::Role> RoleFromProto(pb::Role role, std::string_view field) {
  if (!pb::Role_IsValid(role)) {
    return domain::InvalidField(
        field, "UNKNOWN_ROLE",
        fmt::format("{} is {}, which is no role", field, static_cast<int>(role)));
  }
  return static_cast<domain::Role>(role);
}
static_assert(static_cast<int>(domain::Role::kRelay) == pb::ROLE_RELAY);
static_assert(static_cast<int>(domain::TransportState::kFailed) == pb::Transport::STATE_FAILED);

pb::WatchTransportsResponse::Change ToProto(app::TransportChange::Kind kind) {
  switch (kind) {
    case app::TransportChange::Kind::kPut:
      return pb::WatchTransportsResponse::CHANGE_PUT;
    case app::TransportChange::Kind::kDeleted:
      return pb::WatchTransportsResponse::CHANGE_DELETED;
    case app::TransportChange::Kind::kSynced:
      return pb::WatchTransportsResponse::CHANGE_SYNCED;
  }
  return pb::WatchTransportsResponse::CHANGE_UNSPECIFIED;
}

}  // namespace

pb::Transport ToProto(const app::TransportView& view) {
  const domain::Transport& from = view.transport;
  pb::Transport to;
  to.set_name(from.name.ToString());
  to.set_uid(from.uid);
  to.set_description(from.description);
  for (const auto& [key, value] : from.labels) (*to.mutable_labels())[key] = value;
  to.set_module(from.module.ToString());
  to.set_role(static_cast<pb::Role>(from.role));
  to.set_listen(from.listen);
  to.set_remote(from.remote);
  to.set_upstream(from.upstream);
  for (const std::string& pattern : from.dial_allow) to.add_dial_allow(pattern);
  if (!from.files.empty()) SetConfiguration(from.files, to.mutable_configuration());
  SetLimits(from.limits, to.mutable_limits());
  to.set_enabled(from.enabled);
  to.set_state(static_cast<pb::Transport::State>(view.status.state));
  SetConditions(view.status, &to);
  to.set_bound_address(view.status.bound_address);
  to.set_module_sha256(view.status.module_sha256);
  to.set_session_count(static_cast<int32_t>(view.status.session_count));
  to.set_observed_revision(view.status.observed_revision);
  SetTimestamp(from.create_time, to.mutable_create_time());
  SetTimestamp(from.update_time, to.mutable_update_time());
  to.set_etag(EtagOf(from.revision));
  return to;
}

pb::WatchTransportsResponse ToProto(const app::TransportChange& change) {
  pb::WatchTransportsResponse to;
  to.set_change(ToProto(change.kind));
  to.set_revision(change.revision);
  if (change.kind == app::TransportChange::Kind::kPut) {
    *to.mutable_transport() = ToProto(change.view);
  } else if (change.kind == app::TransportChange::Kind::kDeleted) {
    to.mutable_transport()->set_name(change.view.transport.name.ToString());
  }
  return to;
}

absl::StatusOr<domain::Transport> TransportFromProto(const pb::Transport& transport,
                                                     std::string_view field) {
  const auto path = [&](std::string_view name) { return fmt::format("{}.{}", field, name); };
  domain::Transport to;
  to.description = transport.description();
  to.labels = {transport.labels().begin(), transport.labels().end()};
  if (!transport.module().empty()) {
    ASSIGN_OR_RETURN(to.module, domain::ModuleName::Parse(transport.module(), path("module")));
  }
  ASSIGN_OR_RETURN(to.role, RoleFromProto(transport.role(), path("role")));
  to.listen = transport.listen();
  to.remote = transport.remote();
  to.upstream = transport.upstream();
  to.dial_allow = {transport.dial_allow().begin(), transport.dial_allow().end()};
  ASSIGN_OR_RETURN(to.files, FilesFromProto(transport.configuration(), path("configuration")));
  ASSIGN_OR_RETURN(to.limits, LimitsFromProto(transport.limits(), path("limits")));
  to.enabled = transport.enabled();
  return to;
}

}  // namespace penstock::api
