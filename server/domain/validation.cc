#include "server/domain/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/status.h"
#include "server/domain/error.h"
#include "server/domain/host.h"

namespace penstock::domain {
namespace {

using std::chrono::nanoseconds;

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool IsLabelKey(std::string_view key) {
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  return !key.empty() && key.size() <= kLabelKeySizeMax && lower(key.front()) &&
         std::all_of(key.begin(), key.end(), [lower](char c) {
           return lower(c) || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-' ||
                  c == '/';
         });
}

bool IsFileName(std::string_view name) {
  return !name.empty() && name.size() <= kFileNameSizeMax && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos &&
         std::none_of(name.begin(), name.end(), IsControl);
}

absl::Status Missing(std::string_view field, Role role, std::string_view what) {
  return InvalidField(field, "REQUIRED_FIELD_MISSING",
                      fmt::format("a {} needs {}", kRoleNames[static_cast<size_t>(role)], what));
}

absl::Status NotApplicable(std::string_view field, Role role) {
  return InvalidField(
      field, "FIELD_NOT_APPLICABLE",
      fmt::format("a {} does not use it; leave it empty", kRoleNames[static_cast<size_t>(role)]));
}

absl::Status ValidateListen(const Transport& transport) {
  constexpr std::string_view kField = "transport.listen";
  if (transport.listen.empty()) {
    return Missing(kField, transport.role, "an address where connections come in");
  }
  ASSIGN_OR_RETURN(const Address address, Address::Parse(transport.listen, kField));
  if (address.kind == Address::Kind::kTcp) {
    // Other names would be looked up, for a moment or in vain, whenever the address is bound.
    if (ParseIpLiteral(address.host) || address.host == "localhost") return absl::OkStatus();
    return InvalidField(kField, "INVALID_ADDRESS",
                        fmt::format("\"{}\": expected an IP address of this machine to listen on, "
                                    "or 0.0.0.0 or [::] for all",
                                    address.host));
  }
  if (transport.role == Role::kDialer || transport.role == Role::kDialerFixed) {
    return absl::OkStatus();
  }
  return InvalidField(kField, "INVALID_ADDRESS",
                      "only a dialer listens on a Unix socket; expected tcp://host:port");
}

absl::Status ValidateRemote(const Transport& transport) {
  constexpr std::string_view kField = "transport.remote";
  const bool applies = transport.role == Role::kDialer || transport.role == Role::kRelay;
  if (transport.remote.empty()) {
    if (transport.role == Role::kDialer) {
      return Missing(kField, transport.role, "the address that it connects to");
    }
    if (transport.role == Role::kRelay && transport.dial_allow.empty()) {
      return Missing(kField, transport.role, "an address to connect to, here or in dial_allow");
    }
    return absl::OkStatus();
  }
  if (!applies) return NotApplicable(kField, transport.role);
  ASSIGN_OR_RETURN(const Address address, Address::Parse(transport.remote, kField));
  if (address.kind == Address::Kind::kTcp && address.port != 0) return absl::OkStatus();
  return InvalidField(kField, "INVALID_ADDRESS", "expected tcp://host:port, and not port 0");
}

absl::Status ValidateUpstream(const Transport& transport) {
  constexpr std::string_view kField = "transport.upstream";
  if (transport.upstream.empty()) {
    if (transport.role != Role::kListener) return absl::OkStatus();
    return Missing(kField, transport.role, "the address that its plain side goes to");
  }
  if (transport.role != Role::kListener) return NotApplicable(kField, transport.role);
  ASSIGN_OR_RETURN(const Address address, Address::Parse(transport.upstream, kField));
  if (address.kind == Address::Kind::kUnix || address.port != 0) return absl::OkStatus();
  return InvalidField(kField, "INVALID_ADDRESS", "port 0 cannot be connected to");
}

absl::Status ValidateDialAllow(const Transport& transport) {
  constexpr std::string_view kField = "transport.dial_allow";
  if (transport.dial_allow.empty() && transport.role == Role::kDialerFixed) {
    return Missing(kField, transport.role, "a pattern for each host:port that its module may dial");
  }
  if (transport.dial_allow.size() > kDialAllowMax) {
    return InvalidField(kField, "TOO_MANY",
                        fmt::format("{} patterns, at most {} are accepted",
                                    transport.dial_allow.size(), +kDialAllowMax));
  }
  for (size_t i = 0; i < transport.dial_allow.size(); ++i) {
    RETURN_IF_ERROR(DialPattern::Parse(transport.dial_allow[i], fmt::format("{}[{}]", kField, i)));
  }
  return absl::OkStatus();
}

absl::Status ValidateFiles(const Transport& transport) {
  if (transport.files.size() > kFilesMax) {
    return InvalidField(
        "transport.configuration.files", "TOO_MANY",
        fmt::format("{} files, at most {} are accepted", transport.files.size(), +kFilesMax));
  }
  uint64_t byte_count = 0;
  for (const auto& [name, content] : transport.files) {
    if (!IsFileName(name)) {
      return InvalidField("transport.configuration.files", "INVALID_FILE_NAME",
                          fmt::format("expected plain file names of at most {} bytes, without '/' "
                                      "and control characters",
                                      +kFileNameSizeMax));
    }
    byte_count += name.size() + content.size();
  }
  if (byte_count <= kConfigurationByteCountMax) return absl::OkStatus();
  return InvalidField("transport.configuration", "CONFIGURATION_TOO_LARGE",
                      fmt::format("{} bytes together, at most {} are accepted", byte_count,
                                  +kConfigurationByteCountMax));
}

struct DurationRule {
  std::string_view field;
  std::optional<nanoseconds> TransportLimits::*value;
  nanoseconds min;
  nanoseconds max;
};
constexpr DurationRule kDurationRules[] = {
    {"handshake_timeout", &TransportLimits::handshake_timeout, nanoseconds(1), kDurationMax},
    {"idle_timeout", &TransportLimits::idle_timeout, nanoseconds(1), kDurationMax},
    {"lifetime_max", &TransportLimits::lifetime_max, nanoseconds(0), kDurationMax},
    {"cpu_burst_max", &TransportLimits::cpu_burst_max, kCpuBurstMin, kDurationMax},
    {"stop_grace", &TransportLimits::stop_grace, nanoseconds(0), kStopGraceMax},
};

std::string Seconds(nanoseconds duration) {
  return fmt::format("{}s", std::chrono::duration<double>(duration).count());
}

absl::Status OutOfRange(std::string_view name, std::string_view value, std::string_view min,
                        std::string_view max) {
  return InvalidField(fmt::format("transport.limits.{}", name), "LIMIT_OUT_OF_RANGE",
                      fmt::format("{} is not between {} and {}", value, min, max));
}

absl::Status ValidateLimits(const TransportLimits& limits) {
  for (const DurationRule& rule : kDurationRules) {
    const std::optional<nanoseconds> value = limits.*rule.value;
    if (value && (*value < rule.min || *value > rule.max)) {
      return OutOfRange(rule.field, Seconds(*value), Seconds(rule.min), Seconds(rule.max));
    }
  }
  if (limits.sessions_max && (*limits.sessions_max < 1 || *limits.sessions_max > kSessionsMaxMax)) {
    return OutOfRange("sessions_max", std::to_string(*limits.sessions_max), "1",
                      std::to_string(+kSessionsMaxMax));
  }
  const std::optional<uint64_t> memory = limits.memory_byte_count_max;
  if (memory && (*memory < kMemoryByteCountMin || *memory > kMemoryByteCountMax)) {
    return OutOfRange("memory_bytes_max", std::to_string(*memory),
                      std::to_string(+kMemoryByteCountMin), std::to_string(+kMemoryByteCountMax));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateMetadata(std::string_view parent, std::string_view description,
                              const std::map<std::string, std::string>& labels) {
  if (description.size() > kDescriptionSizeMax) {
    return InvalidField(
        fmt::format("{}.description", parent), "TOO_LONG",
        fmt::format("{} bytes, at most {} are accepted", description.size(), +kDescriptionSizeMax));
  }
  const std::string field = fmt::format("{}.labels", parent);
  if (labels.size() > kLabelsMax) {
    return InvalidField(
        field, "TOO_MANY",
        fmt::format("{} labels, at most {} are accepted", labels.size(), +kLabelsMax));
  }
  for (const auto& [key, value] : labels) {
    if (!IsLabelKey(key)) {
      return InvalidField(field, "INVALID_LABEL",
                          fmt::format("expected keys of 1 to {} of a-z, 0-9, '.', '_', '-' and "
                                      "'/', beginning with a letter",
                                      +kLabelKeySizeMax));
    }
    if (value.size() > kLabelValueSizeMax || std::any_of(value.begin(), value.end(), IsControl)) {
      return InvalidField(field, "INVALID_LABEL",
                          fmt::format("{}: expected a value of at most {} bytes without control "
                                      "characters",
                                      key, +kLabelValueSizeMax));
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateTransport(const Transport& transport) {
  RETURN_IF_ERROR(ValidateMetadata("transport", transport.description, transport.labels));
  if (transport.role == Role::kUnspecified) {
    return InvalidField("transport.role", "REQUIRED_FIELD_MISSING",
                        "expected DIALER, DIALER_FIXED, LISTENER or RELAY");
  }
  if (transport.module.module.empty()) {
    return InvalidField("transport.module", "REQUIRED_FIELD_MISSING",
                        "expected tenants/{tenant}/modules/{module}");
  }
  if (transport.module.tenant != transport.name.tenant) {
    return InvalidField("transport.module", "MODULE_OF_OTHER_TENANT",
                        "a transport uses modules of its own tenant only");
  }
  RETURN_IF_ERROR(ValidateListen(transport));
  RETURN_IF_ERROR(ValidateRemote(transport));
  RETURN_IF_ERROR(ValidateUpstream(transport));
  RETURN_IF_ERROR(ValidateDialAllow(transport));
  RETURN_IF_ERROR(ValidateFiles(transport));
  return ValidateLimits(transport.limits);
}

absl::Status ValidateTransportModule(const Transport& transport, const Module& module) {
  if (std::find(module.roles.begin(), module.roles.end(), transport.role) == module.roles.end()) {
    std::string roles;
    for (const Role role : module.roles) {
      if (!roles.empty()) roles += ", ";
      roles += kRoleNames[static_cast<size_t>(role)];
    }
    return InvalidField(
        "transport.role", "ROLE_NOT_SUPPORTED",
        fmt::format("{} has no export for the role {}; it can be: {}", module.name.ToString(),
                    kRoleNames[static_cast<size_t>(transport.role)], roles));
  }
  const uint64_t allowed =
      transport.limits.memory_byte_count_max.value_or(+kMemoryByteCountDefault);
  if (module.memory_minimum_byte_count <= allowed) return absl::OkStatus();
  return InvalidField(
      "transport.limits.memory_bytes_max", "LIMIT_OUT_OF_RANGE",
      fmt::format("{} needs {} bytes to begin with, {} are allowed", module.name.ToString(),
                  module.memory_minimum_byte_count, allowed));
}

}  // namespace penstock::domain
