#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace penstock::net {

// One concrete socket address: IPv4, IPv6 or a Unix path. A value; safe to copy.
struct Endpoint {
  sockaddr_storage storage{};
  socklen_t size = 0;  // of `storage`, as bind(2) and connect(2) want it; 0 is no address

  // From an address that the kernel or the resolver gave. Longer than sockaddr_storage is cut.
  static Endpoint From(const sockaddr* address, socklen_t size);
  // From an IPv4 or IPv6 literal without brackets (a zone such as %eth0 is allowed); nullopt for
  // anything else, names included.
  static std::optional<Endpoint> FromLiteral(std::string_view host, uint16_t port);
  // INVALID_ARGUMENT with reason ADDRESS_UNAVAILABLE when the path is longer than sun_path.
  static absl::StatusOr<Endpoint> FromUnixPath(std::string_view path);

  int family() const { return storage.ss_family; }
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // 0 for a Unix path.
  uint16_t port() const;
  void set_port(uint16_t port);
  // "tcp://192.0.2.1:443", "tcp://[2001:db8::1]:443" or "unix:///path".
  std::string ToString() const;
};

// Who is at the other end of a connected socket, for logs and the API: as Endpoint::ToString(), and
// "unix:uid=1000,pid=42" for a Unix socket. Empty if the kernel does not say.
std::string PeerAddressOf(int fd);

// Turns on TCP_NODELAY and keepalive where the socket has them. Best effort: a connection without
// them is slower, not wrong.
void TuneConnection(int fd);

}  // namespace penstock::net
