#include "server/store/codec.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <chrono>
#include <optional>
#include <utility>

#include "base/status.h"
#include "penstock/state/v1/state.pb.h"
#include "server/store/keys.h"

namespace penstock::store {
namespace {

namespace pb = penstock::state::v1;
using std::chrono::nanoseconds;

int64_t ToNs(WallTime time) {
  return std::chrono::duration_cast<nanoseconds>(time.time_since_epoch()).count();
}

WallTime FromNs(int64_t time_ns) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(nanoseconds(time_ns)));
}

absl::Status Damaged(const KeyValue& kv) {
  return absl::DataLossError(fmt::format("the value of {} in the state store is damaged", kv.key));
}

// The same bytes for the same message: maps in the order of their keys.
std::string Serialize(const google::protobuf::MessageLite& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    (void)message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

std::optional<domain::Role> RoleFrom(uint32_t role) {
  if (role > static_cast<uint32_t>(domain::Role::kRelay)) return std::nullopt;
  return static_cast<domain::Role>(role);
}

struct DurationField {
  std::optional<nanoseconds> domain::TransportLimits::*value;
  bool (pb::Limits::*has)() const;
  int64_t (pb::Limits::*get)() const;
  void (pb::Limits::*set)(int64_t);
};
constexpr DurationField kDurationFields[] = {
    {&domain::TransportLimits::handshake_timeout, &pb::Limits::has_handshake_timeout_ns,
     &pb::Limits::handshake_timeout_ns, &pb::Limits::set_handshake_timeout_ns},
    {&domain::TransportLimits::idle_timeout, &pb::Limits::has_idle_timeout_ns,
     &pb::Limits::idle_timeout_ns, &pb::Limits::set_idle_timeout_ns},
    {&domain::TransportLimits::lifetime_max, &pb::Limits::has_lifetime_ns, &pb::Limits::lifetime_ns,
     &pb::Limits::set_lifetime_ns},
    {&domain::TransportLimits::cpu_burst_max, &pb::Limits::has_cpu_burst_ns,
     &pb::Limits::cpu_burst_ns, &pb::Limits::set_cpu_burst_ns},
    {&domain::TransportLimits::stop_grace, &pb::Limits::has_stop_grace_ns,
     &pb::Limits::stop_grace_ns, &pb::Limits::set_stop_grace_ns},
};

void ToProto(const domain::TransportLimits& limits, pb::Limits& message) {
  if (limits.sessions_max) message.set_sessions_max(*limits.sessions_max);
  if (limits.memory_byte_count_max) message.set_memory_bytes_max(*limits.memory_byte_count_max);
  for (const DurationField& field : kDurationFields) {
    if (const auto& value = limits.*field.value) (message.*field.set)(value->count());
  }
}

domain::TransportLimits FromProto(const pb::Limits& message) {
  domain::TransportLimits limits;
  if (message.has_sessions_max()) limits.sessions_max = message.sessions_max();
  if (message.has_memory_bytes_max()) limits.memory_byte_count_max = message.memory_bytes_max();
  for (const DurationField& field : kDurationFields) {
    if ((message.*field.has)()) limits.*field.value = nanoseconds((message.*field.get)());
  }
  return limits;
}

}  // namespace

std::string Encode(const domain::Module& module) {
  pb::Module message;
  message.set_uid(module.uid);
  message.set_description(module.description);
  message.mutable_labels()->insert(module.labels.begin(), module.labels.end());
  message.set_sha256(module.sha256);
  message.set_size_bytes(module.byte_count);
  for (const domain::Role role : module.roles) message.add_roles(static_cast<uint32_t>(role));
  message.mutable_imports()->Assign(module.imports.begin(), module.imports.end());
  message.set_memory_minimum_bytes(module.memory_minimum_byte_count);
  if (module.memory_maximum_byte_count) {
    message.set_memory_maximum_bytes(*module.memory_maximum_byte_count);
  }
  message.set_create_time_ns(ToNs(module.create_time));
  message.set_update_time_ns(ToNs(module.update_time));
  return Serialize(message);
}

absl::StatusOr<domain::Module> DecodeModule(const KeyValue& kv) {
  pb::Module message;
  auto name = ModuleNameOf(kv.key);
  if (!name || !message.ParseFromString(kv.value)) return Damaged(kv);
  domain::Module module;
  module.name = *std::move(name);
  module.uid = message.uid();
  module.description = message.description();
  module.labels.insert(message.labels().begin(), message.labels().end());
  module.sha256 = message.sha256();
  module.byte_count = message.size_bytes();
  for (const uint32_t number : message.roles()) {
    const std::optional<domain::Role> role = RoleFrom(number);
    if (!role) return Damaged(kv);
    module.roles.push_back(*role);
  }
  module.imports.assign(message.imports().begin(), message.imports().end());
  module.memory_minimum_byte_count = message.memory_minimum_bytes();
  if (message.has_memory_maximum_bytes()) {
    module.memory_maximum_byte_count = message.memory_maximum_bytes();
  }
  module.create_time = FromNs(message.create_time_ns());
  module.update_time = FromNs(message.update_time_ns());
  module.revision = kv.mod_revision;
  return module;
}

std::string Encode(const domain::Transport& transport) {
  pb::Transport message;
  message.set_uid(transport.uid);
  message.set_description(transport.description);
  message.mutable_labels()->insert(transport.labels.begin(), transport.labels.end());
  message.set_module(transport.module.ToString());
  message.set_role(static_cast<uint32_t>(transport.role));
  message.set_listen(transport.listen);
  message.set_remote(transport.remote);
  message.set_upstream(transport.upstream);
  message.mutable_dial_allow()->Assign(transport.dial_allow.begin(), transport.dial_allow.end());
  message.mutable_files()->insert(transport.files.begin(), transport.files.end());
  ToProto(transport.limits, *message.mutable_limits());
  message.set_enabled(transport.enabled);
  message.set_create_time_ns(ToNs(transport.create_time));
  message.set_update_time_ns(ToNs(transport.update_time));
  return Serialize(message);
}

absl::StatusOr<domain::Transport> DecodeTransport(const KeyValue& kv) {
  pb::Transport message;
  auto name = TransportNameOf(kv.key);
  if (!name || !message.ParseFromString(kv.value)) return Damaged(kv);
  const auto module = domain::ModuleName::Parse(message.module(), "module");
  const std::optional<domain::Role> role = RoleFrom(message.role());
  if (!module.ok() || !role) return Damaged(kv);
  domain::Transport transport;
  transport.name = *std::move(name);
  transport.uid = message.uid();
  transport.description = message.description();
  transport.labels.insert(message.labels().begin(), message.labels().end());
  transport.module = *module;
  transport.role = *role;
  transport.listen = message.listen();
  transport.remote = message.remote();
  transport.upstream = message.upstream();
  transport.dial_allow.assign(message.dial_allow().begin(), message.dial_allow().end());
  transport.files.insert(message.files().begin(), message.files().end());
  transport.limits = FromProto(message.limits());
  transport.enabled = message.enabled();
  transport.create_time = FromNs(message.create_time_ns());
  transport.update_time = FromNs(message.update_time_ns());
  transport.revision = kv.mod_revision;
  return transport;
}

std::string Encode(const CompletedRequest& request) {
  pb::CompletedRequest message;
  message.set_method(request.method);
  message.set_request_sha256(request.request_sha256);
  message.set_resource_name(request.resource_name);
  message.set_complete_time_ns(ToNs(request.complete_time));
  return Serialize(message);
}

absl::StatusOr<CompletedRequest> DecodeCompletedRequest(const KeyValue& kv) {
  pb::CompletedRequest message;
  if (!message.ParseFromString(kv.value)) return Damaged(kv);
  return CompletedRequest{.method = message.method(),
                          .request_sha256 = message.request_sha256(),
                          .resource_name = message.resource_name(),
                          .complete_time = FromNs(message.complete_time_ns())};
}

std::string EncodePort(uint16_t port) {
  pb::AssignedPort message;
  message.set_port(port);
  return Serialize(message);
}

absl::StatusOr<uint16_t> DecodePort(const KeyValue& kv) {
  pb::AssignedPort message;
  if (!message.ParseFromString(kv.value) || message.port() == 0 || message.port() > UINT16_MAX) {
    return Damaged(kv);
  }
  return static_cast<uint16_t>(message.port());
}

}  // namespace penstock::store
