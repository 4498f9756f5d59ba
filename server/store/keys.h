#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/domain/names.h"
#include "server/domain/resources.h"

namespace penstock::store {

// Where things are kept in a StateStore. A name holds no '/', so a prefix that ends with one takes
// in exactly what is below it.
inline constexpr std::string_view kModulesPrefix = "/modules/";
inline constexpr std::string_view kTransportsPrefix = "/transports/";
inline constexpr std::string_view kPortsPrefix = "/ports/";
inline constexpr std::string_view kRequestsPrefix = "/requests/";

std::string KeyOf(const domain::ModuleName& name);
std::string KeyOf(const domain::TransportName& name);
// The port that a transport with port 0 was given.
std::string PortKey(const domain::TransportName& name);
std::string RequestKey(std::string_view tenant, std::string_view request_id);
std::string ModulesOf(const domain::TenantName& tenant);
std::string TransportsOf(const domain::TenantName& tenant);

// The names back from their keys; nullopt for anything else.
std::optional<domain::ModuleName> ModuleNameOf(std::string_view key);
std::optional<domain::TransportName> TransportNameOf(std::string_view key);
std::optional<domain::TransportName> TransportNameOfPortKey(std::string_view key);

// Keys that a transport owns besides its own, kept with it in one transaction, their value its
// name: the use of its module and, while it is enabled, of its listen address where that is fixed.
std::vector<std::string> IndexKeys(const domain::Transport& transport);
// What the transports that use a module have keys below.
std::string ModuleUsersPrefix(const domain::ModuleName& module);
// Keys of the enabled transports whose fixed listen address could collide with the one of
// `transport`: on the same port, or of the same path. Empty when its own address is not fixed.
std::string AddressUsersPrefix(const domain::Transport& transport);
// Whether the owners of these two keys below one AddressUsersPrefix() exclude each other: the same
// host, or one of them listens on all.
bool AddressKeysCollide(std::string_view left, std::string_view right);

}  // namespace penstock::store
