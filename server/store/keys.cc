#include "server/store/keys.h"

#include <fmt/format.h>

#include "server/domain/address.h"

namespace penstock::store {
namespace {

constexpr std::string_view kModuleUsersPrefix = "/module_users/";
constexpr std::string_view kAddressUsersPrefix = "/address_users/";

struct Pair {
  std::string tenant;
  std::string id;
};

std::optional<Pair> SplitKey(std::string_view key, std::string_view prefix) {
  if (key.substr(0, prefix.size()) != prefix) return std::nullopt;
  key.remove_prefix(prefix.size());
  const size_t slash = key.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return Pair{.tenant = std::string(key.substr(0, slash)),
              .id = std::string(key.substr(slash + 1))};
}

std::string_view LastSegment(std::string_view key) { return key.substr(key.rfind('/') + 1); }

// The address that a transport claims for itself, or nullopt.
std::optional<domain::Address> FixedAddress(const domain::Transport& transport) {
  if (!transport.enabled) return std::nullopt;
  auto address = domain::Address::Parse(transport.listen, "transport.listen");
  if (!address.ok()) return std::nullopt;
  const bool is_tcp = address->kind == domain::Address::Kind::kTcp;
  if (is_tcp && address->port == 0) return std::nullopt;
  return *std::move(address);
}

}  // namespace

std::string KeyOf(const domain::ModuleName& name) {
  return fmt::format("{}{}/{}", kModulesPrefix, name.tenant, name.module);
}

std::string KeyOf(const domain::TransportName& name) {
  return fmt::format("{}{}/{}", kTransportsPrefix, name.tenant, name.transport);
}

std::string PortKey(const domain::TransportName& name) {
  return fmt::format("{}{}/{}", kPortsPrefix, name.tenant, name.transport);
}

std::string RequestKey(std::string_view tenant, std::string_view request_id) {
  return fmt::format("{}{}/{}", kRequestsPrefix, tenant, request_id);
}

std::string ModulesOf(const domain::TenantName& tenant) {
  return fmt::format("{}{}/", kModulesPrefix, tenant.tenant);
}

std::string TransportsOf(const domain::TenantName& tenant) {
  return fmt::format("{}{}/", kTransportsPrefix, tenant.tenant);
}

std::optional<domain::ModuleName> ModuleNameOf(std::string_view key) {
  auto pair = SplitKey(key, kModulesPrefix);
  if (!pair) return std::nullopt;
  return domain::ModuleName{.tenant = std::move(pair->tenant), .module = std::move(pair->id)};
}

std::optional<domain::TransportName> TransportNameOf(std::string_view key) {
  auto pair = SplitKey(key, kTransportsPrefix);
  if (!pair) return std::nullopt;
  return domain::TransportName{.tenant = std::move(pair->tenant), .transport = std::move(pair->id)};
}

std::optional<domain::TransportName> TransportNameOfPortKey(std::string_view key) {
  auto pair = SplitKey(key, kPortsPrefix);
  if (!pair) return std::nullopt;
  return domain::TransportName{.tenant = std::move(pair->tenant), .transport = std::move(pair->id)};
}

std::vector<std::string> IndexKeys(const domain::Transport& transport) {
  std::vector<std::string> keys = {
      fmt::format("{}{}", ModuleUsersPrefix(transport.module), transport.name.transport)};
  const std::optional<domain::Address> address = FixedAddress(transport);
  if (address) {
    const std::string prefix = AddressUsersPrefix(transport);
    const bool is_tcp = address->kind == domain::Address::Kind::kTcp;
    keys.push_back(is_tcp ? prefix + address->host : prefix);
  }
  return keys;
}

std::string ModuleUsersPrefix(const domain::ModuleName& module) {
  return fmt::format("{}{}/{}/", kModuleUsersPrefix, module.tenant, module.module);
}

std::string AddressUsersPrefix(const domain::Transport& transport) {
  const std::optional<domain::Address> address = FixedAddress(transport);
  if (!address) return {};
  if (address->kind == domain::Address::Kind::kTcp) {
    return fmt::format("{}tcp/{}/", kAddressUsersPrefix, address->port);
  }
  return fmt::format("{}unix/{}", kAddressUsersPrefix, address->path);
}

bool AddressKeysCollide(std::string_view left, std::string_view right) {
  if (left == right) return true;
  const std::string unix_prefix = fmt::format("{}unix/", kAddressUsersPrefix);
  if (left.substr(0, unix_prefix.size()) == unix_prefix) return false;
  const auto is_any = [](std::string_view host) { return host == "0.0.0.0" || host == "::"; };
  const auto is_v6 = [](std::string_view host) { return host.find(':') != std::string_view::npos; };
  const std::string_view left_host = LastSegment(left);
  const std::string_view right_host = LastSegment(right);
  // "::" may take IPv4 as well, which only the attempt to bind tells: not refused here.
  return is_v6(left_host) == is_v6(right_host) && (is_any(left_host) || is_any(right_host));
}

}  // namespace penstock::store
