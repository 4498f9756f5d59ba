#include "tests/bench/load/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <charconv>
#include <string>

#include "base/status.h"
#include "fmt/format.h"

namespace penstock::bench {
namespace {

constexpr int kListenBacklog = 4096;

absl::StatusOr<UniqueFd> MakeSocket() {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoStatus(errno, "socket");
  return fd;
}

// Fails only on a connection that is gone already, which its first transfer tells.
void SetNoDelay(int fd) {
  const int on = 1;
  (void)::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

const sockaddr* Generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

absl::StatusOr<TransferResult> ResultOf(ssize_t transferred, const char* what) {
  if (transferred > 0) {
    return TransferResult{Transfer::kSome, static_cast<size_t>(transferred)};
  }
  if (transferred == 0) return TransferResult{Transfer::kEnd, 0};
  if (errno == EAGAIN || errno == EINTR) return TransferResult{Transfer::kWouldBlock, 0};
  return ErrnoStatus(errno, what);
}

}  // namespace

absl::StatusOr<sockaddr_in> ParseEndpoint(std::string_view text) {
  const size_t colon = text.rfind(':');
  const auto invalid = [&] {
    return absl::InvalidArgumentError(fmt::format("'{}' is not ADDRESS:PORT", text));
  };
  if (colon == std::string_view::npos) return invalid();
  const std::string_view port_text = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (error != std::errc() || end != port_text.data() + port_text.size()) return invalid();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  const std::string host(text.substr(0, colon));
  if (::inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) return invalid();
  return address;
}

absl::StatusOr<UniqueFd> Listen(const sockaddr_in& address) {
  ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket());
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), Generic(address), sizeof address) != 0 ||
      ::listen(fd.get(), kListenBacklog) != 0) {
    return ErrnoStatus(errno, "listen");
  }
  return fd;
}

UniqueFd Accept(int listener) {
  UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) SetNoDelay(fd.get());
  return fd;
}

absl::StatusOr<sockaddr_in> BoundAddress(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return ErrnoStatus(errno, "getsockname");
  }
  return address;
}

absl::StatusOr<UniqueFd> StartConnect(const sockaddr_in& address) {
  ASSIGN_OR_RETURN(UniqueFd fd, MakeSocket());
  SetNoDelay(fd.get());
  if (::connect(fd.get(), Generic(address), sizeof address) != 0 && errno != EINPROGRESS) {
    return ErrnoStatus(errno, "connect");
  }
  return fd;
}

absl::StatusOr<TransferResult> ReadSome(int fd, std::span<std::byte> bytes) {
  return ResultOf(::recv(fd, bytes.data(), bytes.size(), 0), "recv");
}

absl::StatusOr<TransferResult> WriteSome(int fd, std::span<const std::byte> bytes) {
  return ResultOf(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), "send");
}

void RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace penstock::bench
