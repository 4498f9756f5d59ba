#include "server/domain/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/status.h"
#include "server/domain/error.h"

namespace penstock::domain {
namespace {

constexpr size_t kIdSizeMax = 63;  // of a DNS label, RFC 1035 2.3.4

bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= kIdSizeMax && IsLower(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(),
                     [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

// Splits "collection/id/collection/id..." and checks the collections. The IDs, or nullopt.
template <size_t kDepth>
std::optional<std::array<std::string_view, kDepth>> SplitName(
    std::string_view name, const std::array<std::string_view, kDepth>& collections) {
  std::array<std::string_view, kDepth> ids;
  for (size_t i = 0; i < kDepth; ++i) {
    const std::string_view collection = collections[i];
    if (name.substr(0, collection.size()) != collection) return std::nullopt;
    name.remove_prefix(collection.size());
    if (name.empty() || name.front() != '/') return std::nullopt;
    name.remove_prefix(1);
    const bool last = i + 1 == kDepth;
    const size_t end = last ? name.size() : name.find('/');
    if (end == std::string_view::npos) return std::nullopt;
    ids[i] = name.substr(0, end);
    name.remove_prefix(last ? end : end + 1);
  }
  return ids;
}

absl::Status InvalidName(std::string_view field, std::string_view name, std::string_view pattern) {
  constexpr size_t kShownMax = 128;
  return InvalidField(
      field, "INVALID_NAME",
      fmt::format("\"{}\" is not a name of the form {}", name.substr(0, kShownMax), pattern));
}

absl::StatusOr<TransportName> ParseTransport(std::string_view name, std::string_view field,
                                             bool wildcard) {
  const auto ids = SplitName<2>(name, {"tenants", "transports"});
  if (!ids || !IsId((*ids)[0]) || !(IsId((*ids)[1]) || (wildcard && (*ids)[1] == "-"))) {
    return InvalidName(field, name, "tenants/{tenant}/transports/{transport}");
  }
  return TransportName{.tenant = std::string((*ids)[0]), .transport = std::string((*ids)[1])};
}

}  // namespace

absl::StatusOr<TenantName> TenantName::Parse(std::string_view name, std::string_view field) {
  const auto ids = SplitName<1>(name, {"tenants"});
  if (!ids || !IsId((*ids)[0])) return InvalidName(field, name, "tenants/{tenant}");
  return TenantName{.tenant = std::string((*ids)[0])};
}

std::string TenantName::ToString() const { return fmt::format("tenants/{}", tenant); }

absl::StatusOr<ModuleName> ModuleName::Parse(std::string_view name, std::string_view field) {
  const auto ids = SplitName<2>(name, {"tenants", "modules"});
  if (!ids || !IsId((*ids)[0]) || !IsId((*ids)[1])) {
    return InvalidName(field, name, "tenants/{tenant}/modules/{module}");
  }
  return ModuleName{.tenant = std::string((*ids)[0]), .module = std::string((*ids)[1])};
}

std::string ModuleName::ToString() const {
  return fmt::format("tenants/{}/modules/{}", tenant, module);
}

absl::StatusOr<TransportName> TransportName::Parse(std::string_view name, std::string_view field) {
  return ParseTransport(name, field, /*wildcard=*/false);
}

absl::StatusOr<TransportName> TransportName::ParseWildcard(std::string_view name,
                                                           std::string_view field) {
  return ParseTransport(name, field, /*wildcard=*/true);
}

std::string TransportName::ToString() const {
  return fmt::format("tenants/{}/transports/{}", tenant, transport);
}

absl::StatusOr<SessionName> SessionName::Parse(std::string_view name, std::string_view field) {
  constexpr std::string_view kPattern =
      "tenants/{tenant}/transports/{transport}/sessions/{session}";
  const auto ids = SplitName<3>(name, {"tenants", "transports", "sessions"});
  if (!ids || !IsId((*ids)[0]) || !IsId((*ids)[1])) return InvalidName(field, name, kPattern);
  const std::string_view digits = (*ids)[2];
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  // One spelling for each session, so that names compare as strings.
  if (error != std::errc() || end != digits.data() + digits.size() || digits.front() == '0') {
    return InvalidName(field, name, kPattern);
  }
  return SessionName{
      .transport = {.tenant = std::string((*ids)[0]), .transport = std::string((*ids)[1])},
      .session_id = id};
}

std::string SessionName::ToString() const {
  return fmt::format("{}/sessions/{}", transport.ToString(), session_id);
}

absl::Status ValidateId(std::string_view id, std::string_view field) {
  if (IsId(id)) return absl::OkStatus();
  return InvalidField(field, "INVALID_ID",
                      "expected 1 to 63 of a-z, 0-9 and '-', beginning with a letter and not "
                      "ending with '-'");
}

}  // namespace penstock::domain
