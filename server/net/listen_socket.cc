#include "server/net/listen_socket.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/status.h"
#include "server/domain/error.h"

namespace penstock::net {
namespace {

constexpr std::string_view kUnixScheme = "unix://";

absl::Status BindError(int error, const Endpoint& endpoint) {
  const std::string text = fmt::format("cannot listen on {}: {}", endpoint.ToString(),
                                       std::generic_category().message(error));
  switch (error) {
    case EADDRINUSE:
      return domain::MakeError(absl::StatusCode::kAlreadyExists, text, {.reason = "PORT_IN_USE"});
    case EACCES:
    case EPERM:
      return domain::MakeError(absl::StatusCode::kPermissionDenied, text,
                               {.reason = "ADDRESS_NOT_PERMITTED"});
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL:
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EROFS:
      return domain::MakeError(absl::StatusCode::kInvalidArgument, text,
                               {.reason = "ADDRESS_UNAVAILABLE"});
    default:
      return ErrnoStatus(error, fmt::format("cannot listen on {}", endpoint.ToString()));
  }
}

// Whether `path` is a socket file that no process listens on.
bool IsStale(const Endpoint& endpoint, const std::string& path) {
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
  const UniqueFd probe(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && connect(probe.get(), endpoint.address(), endpoint.size) != 0 &&
         errno == ECONNREFUSED;
}

// bind(2) and listen(2). Returns 0 or an errno value.
int BindAndListen(int fd, const Endpoint& endpoint) {
  const int on = 1;
  if (endpoint.family() != AF_UNIX) {
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  // Each family is asked for by itself: "[::]" must not take the port from "0.0.0.0".
  if (endpoint.family() == AF_INET6) {
    (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  if (bind(fd, endpoint.address(), endpoint.size) != 0) return errno;
  return listen(fd, ListenSocket::kBacklog) == 0 ? 0 : errno;
}

uint16_t BoundPort(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return 0;
  return Endpoint::From(reinterpret_cast<const sockaddr*>(&storage), size).port();
}

}  // namespace

absl::StatusOr<ListenSocket> ListenSocket::Create(const Endpoint& endpoint) {
  UniqueFd fd(socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return BindError(errno, endpoint);
  ListenSocket socket(std::move(fd));
  int error = BindAndListen(socket.fd(), endpoint);
  if (endpoint.family() != AF_UNIX) {
    if (error != 0) return BindError(error, endpoint);
    socket.port_ = BoundPort(socket.fd());
    return socket;
  }
  const std::string path = endpoint.ToString().substr(kUnixScheme.size());
  if (error == EADDRINUSE && IsStale(endpoint, path) && unlink(path.c_str()) == 0) {
    error = BindAndListen(socket.fd(), endpoint);
  }
  if (error != 0) return BindError(error, endpoint);
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) return ErrnoStatus(errno, "lstat of the bound socket");
  socket.path_ = path;
  socket.device_ = info.st_dev;
  socket.inode_ = info.st_ino;
  return socket;
}

ListenSocket::ListenSocket(ListenSocket&& other) noexcept
    : fd_(std::move(other.fd_)),
      port_(other.port_),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

ListenSocket::~ListenSocket() {
  struct stat info {};
  if (path_.empty() || lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) (void)unlink(path_.c_str());
}

}  // namespace penstock::net
