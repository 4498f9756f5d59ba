#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/net/endpoint.h"

namespace penstock::net {

enum class IpFamily { kV4, kV6 };

// Addresses of names, asynchronously.
//
// Threads: the control loop's; `done` is called there, never from within Resolve().
class Resolver {
 public:
  // Destroying it abandons the query; `done` is then not called.
  using Handle = std::shared_ptr<void>;
  using Done = std::function<void(absl::StatusOr<std::vector<Endpoint>>)>;

  virtual ~Resolver() = default;
  // Addresses of one family, best first (RFC 6724), each with `port`. NOT_FOUND when the name has
  // none, UNAVAILABLE when no server answered usefully, DEADLINE_EXCEEDED after `timeout`,
  // RESOURCE_EXHAUSTED when too many queries are under way.
  [[nodiscard]] virtual Handle Resolve(const std::string& host, uint16_t port, IpFamily family,
                                       std::chrono::nanoseconds timeout, Done done) = 0;
};

struct ResolverOptions {
  // "127.0.0.1:5353,[::1]:53"; empty: as /etc/resolv.conf says.
  std::string servers;
  // How long one server is waited for before it is asked again, and how often each is asked.
  std::chrono::milliseconds attempt_timeout{2000};
  int attempts_max = 3;
  // Queries under way at once.
  size_t queries_max = 4096;
};

// A resolver on c-ares: /etc/hosts first, then DNS; "localhost" never leaves the machine. Nothing
// is cached: a dial always gets the name's addresses of now. Borrows `io`.
absl::StatusOr<std::unique_ptr<Resolver>> MakeResolver(asio::io_context& io,
                                                       ResolverOptions options = {});

// As above, both families, waiting at most `timeout`: for the address that an operator gave a
// listener, which is nearly always a literal or in /etc/hosts. Blocks the calling thread.
absl::StatusOr<std::vector<Endpoint>> ResolveNow(const std::string& host, uint16_t port,
                                                 std::chrono::milliseconds timeout,
                                                 const ResolverOptions& options = {});

}  // namespace penstock::net
