#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace penstock::domain {

// The only tenant until tenants can be made.
inline constexpr std::string_view kDefaultTenant = "default";

// Resource names (AIP-122). Each Parse() reports errors about `field`, the request's path to the
// name: INVALID_ARGUMENT with reason INVALID_NAME.

struct TenantName {
  std::string tenant;

  static absl::StatusOr<TenantName> Parse(std::string_view name, std::string_view field);
  std::string ToString() const;
  auto operator<=>(const TenantName&) const = default;
};

struct ModuleName {
  std::string tenant;
  std::string module;

  static absl::StatusOr<ModuleName> Parse(std::string_view name, std::string_view field);
  std::string ToString() const;
  auto operator<=>(const ModuleName&) const = default;
};

struct TransportName {
  std::string tenant;
  std::string transport;  // "-" only where a method says that it takes a wildcard

  static absl::StatusOr<TransportName> Parse(std::string_view name, std::string_view field);
  // As Parse(), but "-" stands for every transport (AIP-159).
  static absl::StatusOr<TransportName> ParseWildcard(std::string_view name, std::string_view field);
  std::string ToString() const;
  auto operator<=>(const TransportName&) const = default;
};

struct SessionName {
  TransportName transport;
  uint64_t session_id = 0;  // written as decimal digits

  static absl::StatusOr<SessionName> Parse(std::string_view name, std::string_view field);
  std::string ToString() const;
  auto operator<=>(const SessionName&) const = default;
};

// Checks an ID that a caller gave on Create: 1 to 63 of a-z, 0-9 and '-', beginning with a letter,
// not ending with '-' (RFC 1035 label). INVALID_ARGUMENT with reason INVALID_ID about `field`.
absl::Status ValidateId(std::string_view id, std::string_view field);

}  // namespace penstock::domain
