#include "server/app/transport_mask.h"

#include <fmt/format.h>

#include <string_view>

#include "base/status.h"
#include "server/domain/error.h"

namespace penstock::app {
namespace {

using domain::Transport;
using domain::TransportLimits;

// The one file of a configuration that has a field of its own.
constexpr std::string_view kConfigFile = "watm.cfg";

template <auto kField>
void Copy(const Transport& from, Transport& to) {
  to.*kField = from.*kField;
}

template <auto kField>
void CopyLimit(const Transport& from, Transport& to) {
  to.limits.*kField = from.limits.*kField;
}

// Checked by itself: an update that names it must not change it.
void CopyNothing(const Transport&, Transport&) {}

void CopyConfig(const Transport& from, Transport& to) {
  const std::string name(kConfigFile);
  to.files.erase(name);
  if (const auto file = from.files.find(name); file != from.files.end()) to.files.insert(*file);
}

void CopyOtherFiles(const Transport& from, Transport& to) {
  std::map<std::string, std::string> files = from.files;
  files.erase(std::string(kConfigFile));
  if (const auto config = to.files.find(std::string(kConfigFile)); config != to.files.end()) {
    files.insert(*config);
  }
  to.files = std::move(files);
}

struct MaskField {
  std::string_view path;
  void (*copy)(const Transport& from, Transport& to);
};
constexpr MaskField kMaskFields[] = {
    {"description", &Copy<&Transport::description>},
    {"labels", &Copy<&Transport::labels>},
    {"module", &Copy<&Transport::module>},
    {"role", &CopyNothing},
    {"listen", &Copy<&Transport::listen>},
    {"remote", &Copy<&Transport::remote>},
    {"upstream", &Copy<&Transport::upstream>},
    {"dial_allow", &Copy<&Transport::dial_allow>},
    {"configuration", &Copy<&Transport::files>},
    {"configuration.watm_cfg", &CopyConfig},
    {"configuration.files", &CopyOtherFiles},
    {"limits", &Copy<&Transport::limits>},
    {"limits.sessions_max", &CopyLimit<&TransportLimits::sessions_max>},
    {"limits.handshake_timeout", &CopyLimit<&TransportLimits::handshake_timeout>},
    {"limits.idle_timeout", &CopyLimit<&TransportLimits::idle_timeout>},
    {"limits.lifetime_max", &CopyLimit<&TransportLimits::lifetime_max>},
    {"limits.cpu_burst_max", &CopyLimit<&TransportLimits::cpu_burst_max>},
    {"limits.memory_bytes_max", &CopyLimit<&TransportLimits::memory_byte_count_max>},
    {"limits.stop_grace", &CopyLimit<&TransportLimits::stop_grace>},
    {"enabled", &Copy<&Transport::enabled>},
};

absl::Status CheckRole(const Transport& from, const Transport& to) {
  if (from.role == to.role) return absl::OkStatus();
  return domain::InvalidField("transport.role", "IMMUTABLE_FIELD",
                              fmt::format("it is {} and cannot change; create another transport",
                                          domain::kRoleNames[static_cast<size_t>(to.role)]));
}

absl::Status ApplyPath(std::string_view path, const Transport& from, Transport& to) {
  bool found = false;
  for (const MaskField& field : kMaskFields) {
    if (path != "*" && path != field.path) continue;
    found = true;
    if (field.path == "role") RETURN_IF_ERROR(CheckRole(from, to));
    field.copy(from, to);
  }
  if (found) return absl::OkStatus();
  return domain::InvalidField(
      "update_mask", "UNKNOWN_FIELD",
      fmt::format("\"{}\" is no field of a transport that can be updated", path.substr(0, 128)));
}

}  // namespace

absl::Status ApplyMask(const std::vector<std::string>& mask, const Transport& from, Transport& to) {
  for (const std::string& path : mask) RETURN_IF_ERROR(ApplyPath(path, from, to));
  return absl::OkStatus();
}

}  // namespace penstock::app
