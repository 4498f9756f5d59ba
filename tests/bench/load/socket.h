#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace penstock::bench {

// "127.0.0.1:8080": a numeric IPv4 address and a port.
absl::StatusOr<sockaddr_in> ParseEndpoint(std::string_view text);

// A listening, non-blocking socket.
absl::StatusOr<UniqueFd> Listen(const sockaddr_in& address);

// The next connection that waits at a listening socket, non-blocking and without Nagle's delay;
// empty when there is none.
UniqueFd Accept(int listener);

// The address that a socket is bound to, with the port that was chosen for it.
absl::StatusOr<sockaddr_in> BoundAddress(int fd);

// A non-blocking socket without Nagle's delay that is connecting; it becomes writable when it is
// connected or has failed, which its first transfer tells.
absl::StatusOr<UniqueFd> StartConnect(const sockaddr_in& address);

// A read or write that did not fail.
enum class Transfer {
  kSome,        // `byte_count` is above 0
  kWouldBlock,  // nothing now
  kEnd,         // the peer has closed; reads only
};
struct TransferResult {
  Transfer transfer;
  size_t byte_count;
};

// One read(2) or write(2) on a non-blocking socket.
absl::StatusOr<TransferResult> ReadSome(int fd, std::span<std::byte> bytes);
absl::StatusOr<TransferResult> WriteSome(int fd, std::span<const std::byte> bytes);

// Raises this process's limit of open files to what the system grants it.
void RaiseDescriptorLimit();

}  // namespace penstock::bench
