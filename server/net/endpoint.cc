#include "server/net/endpoint.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "server/domain/error.h"

namespace penstock::net {
namespace {

template <typename T>
T Load(const sockaddr_storage& storage) {
  T address;
  std::memcpy(&address, &storage, sizeof address);
  return address;
}

template <typename T>
Endpoint Store(const T& address) {
  static_assert(sizeof(T) <= sizeof(sockaddr_storage));
  return Endpoint::From(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

std::optional<Endpoint> FromV6Literal(const std::string& text, uint16_t port) {
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(port);
  const size_t percent = text.find('%');
  if (percent != std::string::npos) {
    v6.sin6_scope_id = if_nametoindex(text.c_str() + percent + 1);
    if (v6.sin6_scope_id == 0) return std::nullopt;
  }
  if (inet_pton(AF_INET6, text.substr(0, percent).c_str(), &v6.sin6_addr) != 1) {
    return std::nullopt;
  }
  return Store(v6);
}

std::string V6Text(const sockaddr_in6& v6) {
  char text[INET6_ADDRSTRLEN] = "";
  (void)inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  char zone[IF_NAMESIZE] = "";
  if (v6.sin6_scope_id != 0 && if_indextoname(v6.sin6_scope_id, zone) != nullptr) {
    return fmt::format("{}%{}", text, zone);
  }
  return text;
}

std::string UnixText(const Endpoint& endpoint) {
  const auto address = Load<sockaddr_un>(endpoint.storage);
  const size_t path_at = offsetof(sockaddr_un, sun_path);
  if (endpoint.size <= path_at) return "unix:";
  const size_t byte_count = std::min(endpoint.size - path_at, sizeof address.sun_path);
  return "unix://" + std::string(address.sun_path, strnlen(address.sun_path, byte_count));
}

}  // namespace

Endpoint Endpoint::From(const sockaddr* address, socklen_t size) {
  Endpoint endpoint;
  endpoint.size = std::min<socklen_t>(size, sizeof endpoint.storage);
  std::memcpy(&endpoint.storage, address, endpoint.size);
  return endpoint;
}

std::optional<Endpoint> Endpoint::FromLiteral(std::string_view host, uint16_t port) {
  const std::string text(host);
  sockaddr_in v4{};
  v4.sin_family = AF_INET;
  v4.sin_port = htons(port);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) return Store(v4);
  return FromV6Literal(text, port);
}

absl::StatusOr<Endpoint> Endpoint::FromUnixPath(std::string_view path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    return domain::MakeError(absl::StatusCode::kInvalidArgument,
                             fmt::format("Unix socket path of {} bytes; it takes 1 to {}: {}",
                                         path.size(), sizeof address.sun_path - 1, path),
                             {.reason = "ADDRESS_UNAVAILABLE"});
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  Endpoint endpoint = Store(address);
  endpoint.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  return endpoint;
}

uint16_t Endpoint::port() const {
  if (family() == AF_INET) return ntohs(Load<sockaddr_in>(storage).sin_port);
  if (family() == AF_INET6) return ntohs(Load<sockaddr_in6>(storage).sin6_port);
  return 0;
}

void Endpoint::set_port(uint16_t port) {
  if (family() == AF_INET) {
    auto v4 = Load<sockaddr_in>(storage);
    v4.sin_port = htons(port);
    *this = Store(v4);
  } else if (family() == AF_INET6) {
    auto v6 = Load<sockaddr_in6>(storage);
    v6.sin6_port = htons(port);
    *this = Store(v6);
  }
}

std::string Endpoint::ToString() const {
  if (family() == AF_INET) {
    const auto v4 = Load<sockaddr_in>(storage);
    char text[INET_ADDRSTRLEN] = "";
    (void)inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return fmt::format("tcp://{}:{}", text, port());
  }
  if (family() == AF_INET6) {
    return fmt::format("tcp://[{}]:{}", V6Text(Load<sockaddr_in6>(storage)), port());
  }
  return family() == AF_UNIX ? UnixText(*this) : "";
}

std::string PeerAddressOf(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return "";
  const Endpoint peer = Endpoint::From(reinterpret_cast<const sockaddr*>(&storage), size);
  if (peer.family() != AF_UNIX) return peer.ToString();
  // A Unix client has no address of its own, but the kernel vouches for who it is.
  ucred credentials{};
  socklen_t credentials_size = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_size) != 0) return "unix:";
  return fmt::format("unix:uid={},pid={}", credentials.uid, credentials.pid);
}

void TuneConnection(int fd) {
  const int on = 1;
  (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

}  // namespace penstock::net
