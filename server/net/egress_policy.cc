#include "server/net/egress_policy.h"

#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "server/domain/error.h"

namespace penstock::net {
namespace {

absl::Status Denied(std::string_view message) {
  return domain::MakeError(absl::StatusCode::kPermissionDenied, message, {.reason = "DIAL_DENIED"});
}

sockaddr_in6 AsV6(const Endpoint& endpoint) {
  sockaddr_in6 v6{};
  std::memcpy(&v6, &endpoint.storage, sizeof v6);
  return v6;
}

// The IPv4 address behind an IPv4-mapped IPv6 one; everything else as it is.
Endpoint Unmapped(const Endpoint& endpoint) {
  if (endpoint.family() != AF_INET6) return endpoint;
  const sockaddr_in6 v6 = AsV6(endpoint);
  if (!IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) return endpoint;
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = v6.sin6_port;
  std::memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
  return Endpoint::From(reinterpret_cast<const sockaddr*>(&v4), sizeof v4);
}

bool SameIp(const Endpoint& a, const Endpoint& b) {
  if (a.family() != b.family()) return false;
  if (a.family() == AF_INET) {
    sockaddr_in left{};
    sockaddr_in right{};
    std::memcpy(&left, &a.storage, sizeof left);
    std::memcpy(&right, &b.storage, sizeof right);
    return left.sin_addr.s_addr == right.sin_addr.s_addr;
  }
  const in6_addr left = AsV6(a).sin6_addr;
  const in6_addr right = AsV6(b).sin6_addr;
  return std::memcmp(&left, &right, sizeof left) == 0;
}

bool IsLoopbackOrUnspecified(const Endpoint& endpoint) {
  if (endpoint.family() == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &endpoint.storage, sizeof v4);
    const uint32_t address = ntohl(v4.sin_addr.s_addr);
    return address == INADDR_ANY || (address >> 24) == IN_LOOPBACKNET;
  }
  const sockaddr_in6 v6 = AsV6(endpoint);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) || IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr);
}

bool IsInterfaceAddress(const Endpoint& endpoint) {
  ifaddrs* list = nullptr;
  // When the kernel does not say, no address can be ruled out.
  if (getifaddrs(&list) != 0) return true;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const sa_family_t family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (SameIp(Endpoint::From(at->ifa_addr, size), endpoint)) return true;
  }
  return false;
}

}  // namespace

bool IsThisMachine(const Endpoint& endpoint) {
  if (endpoint.family() == AF_UNIX) return true;
  const Endpoint plain = Unmapped(endpoint);
  return IsLoopbackOrUnspecified(plain) || IsInterfaceAddress(plain);
}

void AllowListPolicy::Forbid(const domain::Address& own) {
  if (own.kind == domain::Address::Kind::kTcp && own.port != 0) own_ports_.insert(own.port);
}

absl::Status AllowListPolicy::CheckNamed(const std::vector<domain::DialPattern>& allow,
                                         std::string_view host, uint16_t port) const {
  const bool allowed = std::any_of(
      allow.begin(), allow.end(), [&](const auto& pattern) { return pattern.Matches(host, port); });
  if (allowed) return absl::OkStatus();
  return Denied(fmt::format("the transport's dial_allow has no entry for {}:{}", host, port));
}

absl::Status AllowListPolicy::CheckResolved(const Endpoint& endpoint) const {
  if (endpoint.family() == AF_UNIX) return Denied("modules dial TCP only");
  if (own_ports_.contains(endpoint.port()) && IsThisMachine(endpoint)) {
    return Denied(fmt::format("{} is an address of Penstock itself", endpoint.ToString()));
  }
  return absl::OkStatus();
}

}  // namespace penstock::net
