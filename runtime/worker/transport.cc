#include "runtime/worker/transport.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/seqpacket.h"
#include "base/status.h"
#include "runtime/worker/limits.h"

namespace penstock::worker {
namespace {

// Longest time that any limit can say: a century, so that sums with a clock cannot overflow.
constexpr std::chrono::nanoseconds kForever = std::chrono::hours(24 * 365 * 100);

std::chrono::nanoseconds Duration(uint64_t ns) {
  return std::chrono::nanoseconds(std::min<uint64_t>(ns, static_cast<uint64_t>(kForever.count())));
}

SessionLimits LimitsOf(const v1::SessionLimits& limits) {
  return {.handshake_timeout = Duration(limits.handshake_timeout_ns()),
          .idle_timeout = Duration(limits.idle_timeout_ns()),
          .lifetime = Duration(limits.lifetime_ns()),
          .cpu_burst = Duration(limits.cpu_burst_ns()),
          .stop_grace = Duration(limits.stop_grace_ns())};
}

// "tenants/t" of "tenants/t/transports/x".
std::string TenantOf(std::string_view name) {
  const size_t first = name.find('/');
  return std::string(
      name.substr(0, first == std::string_view::npos ? first : name.find('/', first + 1)));
}

absl::StatusOr<wasi::MemNodePtr> ReadFiles(const UniqueFd& fd, const Clock& clock) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadSealedMemfd(fd.get(), kTransportFilesByteCountMax));
  v1::TransportFiles files;
  if (!files.ParseFromString(bytes)) return absl::InvalidArgumentError("files do not parse");
  if (files.files().empty()) return wasi::MemNodePtr();
  std::map<std::string, std::string> by_path(files.files().begin(), files.files().end());
  const std::chrono::nanoseconds now = clock.WallNow().time_since_epoch();
  return wasi::MakeMemTree(by_path, static_cast<wasi::Timestamp>(now.count()));
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Transport>> MakeTransport(
    const v1::PutTransport& request, const UniqueFd& files_fd,
    std::shared_ptr<const engine::CompiledModule> module, const Clock& clock) {
  if (module == nullptr) {
    return absl::InvalidArgumentError(fmt::format("module {} of {} is not loaded",
                                                  request.module_key(), request.transport_name()));
  }
  if (request.role() < v1::ROLE_DIALER || request.role() > v1::ROLE_RELAY) {
    return absl::InvalidArgumentError(fmt::format("{} has no role", request.transport_name()));
  }
  auto transport = std::make_shared<Transport>();
  ASSIGN_OR_RETURN(transport->files, ReadFiles(files_fd, clock));
  transport->name = request.transport_name();
  transport->tenant = TenantOf(request.transport_name());
  transport->module = std::move(module);
  transport->role = static_cast<wasm::Role>(request.role());
  transport->limits = LimitsOf(request.limits());
  transport->has_remote = request.has_remote();
  transport->has_dial_allow = request.has_dial_allow();
  return transport;
}

}  // namespace penstock::worker
