#include "server/workers/route.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/status.h"

namespace penstock::workers {
namespace {

uint64_t NanosecondsOr(const std::optional<std::chrono::nanoseconds>& value,
                       std::chrono::nanoseconds otherwise) {
  return static_cast<uint64_t>(value.value_or(otherwise).count());
}

absl::StatusOr<std::optional<domain::Address>> ParseIfSet(const std::string& text,
                                                          std::string_view field) {
  if (text.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(domain::Address address, domain::Address::Parse(text, field));
  return address;
}

}  // namespace

uint32_t Route::sessions_max() const {
  return transport().limits.sessions_max.value_or(domain::kSessionsMaxDefault);
}

absl::StatusOr<Route> MakeRoute(std::shared_ptr<const TransportRevision> revision) {
  Route route;
  const domain::Transport& transport = revision->transport;
  ASSIGN_OR_RETURN(route.remote, ParseIfSet(transport.remote, "transport.remote"));
  ASSIGN_OR_RETURN(route.upstream, ParseIfSet(transport.upstream, "transport.upstream"));
  for (const std::string& text : transport.dial_allow) {
    ASSIGN_OR_RETURN(auto pattern, domain::DialPattern::Parse(text, "transport.dial_allow"));
    route.dial_allow.push_back(std::move(pattern));
  }
  route.revision = std::move(revision);
  return route;
}

uint64_t MemoryByteCountMax(const domain::Transport& transport) {
  return transport.limits.memory_byte_count_max.value_or(domain::kMemoryByteCountDefault);
}

pb::ToWorker PutTransportMessage(const Route& route) {
  const domain::Transport& transport = route.transport();
  const domain::TransportLimits& limits = transport.limits;
  pb::ToWorker message;
  pb::PutTransport& put = *message.mutable_put_transport();
  put.set_transport_key(route.transport_key);
  put.set_transport_name(transport.name.ToString());
  put.set_module_key(route.module_key);
  put.set_role(static_cast<pb::Role>(transport.role));
  put.set_has_remote(route.remote.has_value());
  put.set_has_dial_allow(!route.dial_allow.empty());
  pb::SessionLimits& out = *put.mutable_limits();
  out.set_handshake_timeout_ns(
      NanosecondsOr(limits.handshake_timeout, domain::kHandshakeTimeoutDefault));
  out.set_idle_timeout_ns(NanosecondsOr(limits.idle_timeout, domain::kIdleTimeoutDefault));
  out.set_lifetime_ns(NanosecondsOr(limits.lifetime_max, domain::kLifetimeDefault));
  out.set_cpu_burst_ns(NanosecondsOr(limits.cpu_burst_max, domain::kCpuBurstDefault));
  out.set_stop_grace_ns(NanosecondsOr(limits.stop_grace, domain::kStopGraceDefault));
  return message;
}

std::string SerializedFiles(const domain::Transport& transport) {
  pb::TransportFiles files;
  for (const auto& [name, bytes] : transport.files) (*files.mutable_files())[name] = bytes;
  return files.SerializeAsString();
}

}  // namespace penstock::workers
