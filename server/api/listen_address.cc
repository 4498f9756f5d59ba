#include "server/api/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/status.h"
#include "base/unique_fd.h"
#include "fmt/format.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

// Any of the families that Penstock's own addresses have.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

bool ParseV4(const std::string& host, uint16_t port, SocketAddress& to) {
  auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) return false;
  v4->sin_family = AF_INET;
  v4->sin_port = htons(port);
  to.size = sizeof(sockaddr_in);
  return true;
}

bool ParseV6(const std::string& host, uint16_t port, SocketAddress& to) {
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
  if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  to.size = sizeof(sockaddr_in6);
  return true;
}

bool IsLoopback(const std::string& host) {
  SocketAddress address;
  if (host == "localhost") return true;
  if (ParseV4(host, 0, address)) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
    return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
  }
  if (!ParseV6(host, 0, address)) return false;
  return IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_addr);
}

absl::Status InUse(const domain::Address& address) {
  return domain::MakeError(
      absl::StatusCode::kAlreadyExists,
      fmt::format("cannot listen on {}: another process listens there", address.ToString()),
      domain::ErrorDetail{"ADDRESS_IN_USE", {}, {}, {}, {}});
}

// A port that is taken is better found now than by gRPC, which says only that it failed.
absl::Status PrepareTcp(const domain::Address& address) {
  SocketAddress at;
  const std::string host = address.host == "localhost" ? "127.0.0.1" : address.host;
  if (!ParseV4(host, address.port, at) && !ParseV6(host, address.port, at)) {
    return absl::InvalidArgumentError(
        fmt::format("{} is not an IP address that can be listened on", address.ToString()));
  }
  const UniqueFd probe(::socket(at.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  if (!probe || ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
    return ErrnoStatus(errno, "cannot make a socket");
  }
  if (::bind(probe.get(), at.get(), at.size) == 0) return absl::OkStatus();
  if (errno == EADDRINUSE) return InUse(address);
  return ErrnoStatus(errno, fmt::format("cannot listen on {}", address.ToString()));
}

absl::Status PrepareUnix(const domain::Address& address) {
  SocketAddress at;
  auto* local = reinterpret_cast<sockaddr_un*>(&at.storage);
  if (address.path.size() >= sizeof local->sun_path) {
    return absl::InvalidArgumentError(
        fmt::format("{} is too long for a Unix socket: at most {} bytes", address.path,
                    sizeof local->sun_path - 1));
  }
  struct stat found {};
  if (::lstat(address.path.c_str(), &found) != 0) {
    return errno == ENOENT ? absl::OkStatus() : ErrnoStatus(errno, address.path);
  }
  if (!S_ISSOCK(found.st_mode)) {
    return absl::AlreadyExistsError(
        fmt::format("{} exists and is not a socket; it is left alone", address.path));
  }
  local->sun_family = AF_UNIX;
  std::memcpy(local->sun_path, address.path.c_str(), address.path.size());
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return ErrnoStatus(errno, "cannot make a socket");
  if (::connect(probe.get(), at.get(), sizeof *local) == 0 || errno == EAGAIN) {
    return InUse(address);
  }
  if (::unlink(address.path.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, fmt::format("cannot remove the stale socket {}", address.path));
}

}  // namespace

absl::Status RequireLocal(const domain::Address& address, std::string_view what) {
  if (address.kind == domain::Address::Kind::kUnix || IsLoopback(address.host)) {
    return absl::OkStatus();
  }
  return domain::InvalidField(
      what, "ADDRESS_NOT_LOOPBACK",
      fmt::format("other machines can reach {}; without credentials only a Unix socket "
                  "(unix:///path) or a loopback address (tcp://127.0.0.1:port) is served",
                  address.ToString()));
}

absl::Status PrepareToListen(const domain::Address& address) {
  return address.kind == domain::Address::Kind::kUnix ? PrepareUnix(address) : PrepareTcp(address);
}

std::string GrpcAddress(const domain::Address& address) {
  if (address.kind == domain::Address::Kind::kUnix) return "unix://" + address.path;
  return address.ToString().substr(std::string_view("tcp://").size());
}

}  // namespace penstock::api
