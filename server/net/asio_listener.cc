#include "server/net/asio_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "server/domain/error.h"
#include "server/net/endpoint.h"
#include "server/net/fd_watch.h"
#include "server/net/listen_socket.h"
#include "server/net/resolver.h"
#include "server/net/timers.h"

namespace penstock::net {
namespace {

// Connections taken before other events of the loop get their turn.
constexpr int kAcceptBatchMax = 64;
// How long accepting rests when the system is out of descriptors or memory.
constexpr std::chrono::milliseconds kPause{100};
constexpr std::chrono::milliseconds kResolveTimeout{1000};
// A port that one family offers may be taken in the other; then another one is asked for.
constexpr int kPortAttemptsMax = 8;

bool IsExhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// Accepts on one socket until it is closed. Owned by its listener and, during a callback, by
// itself, because the callback may destroy the listener.
class Acceptor final : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(asio::io_context& io, ListenSocket socket, ListenerFactory::OnAccept on_accept,
           std::string name)
      : timers_(io),
        socket_(std::move(socket)),
        on_accept_(std::move(on_accept)),
        name_(std::move(name)) {}

  absl::Status Start(asio::io_context& io) {
    ASSIGN_OR_RETURN(auto watch, FdWatch::Create(io, socket_->fd()));
    watch_.emplace(std::move(watch));
    Await();
    return absl::OkStatus();
  }

  void Close() {
    pause_.reset();
    watch_.reset();
    socket_.reset();
  }

 private:
  void Await() {
    watch_->AwaitReadable([this] { AcceptBatch(); });
  }

  void AcceptBatch() {
    const std::shared_ptr<Acceptor> self = shared_from_this();
    for (int i = 0; i < kAcceptBatchMax; ++i) {
      UniqueFd fd(accept4(socket_->fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd && errno == EAGAIN) break;
      if (!fd && IsExhaustion(errno)) return Pause(errno);
      if (!fd) continue;  // that connection failed before it was taken; the others have not
      Resumed();
      TuneConnection(fd.get());
      std::string peer = PeerAddressOf(fd.get());
      on_accept_(std::move(fd), std::move(peer));
      if (!socket_) return;
    }
    Await();
  }

  void Pause(int error) {
    if (!exhausted_) {
      log::Warning("accepting pauses: out of descriptors or memory",
                   {{"listen", name_}, {"error", std::generic_category().message(error)}});
    }
    exhausted_ = true;
    pause_ = timers_.After(kPause, [this] { AcceptBatch(); });
  }

  void Resumed() {
    if (exhausted_) log::Info("accepting goes on", {{"listen", name_}});
    exhausted_ = false;
  }

  AsioTimers timers_;
  std::optional<ListenSocket> socket_;
  ListenerFactory::OnAccept on_accept_;
  std::string name_;
  std::optional<FdWatch> watch_;
  Timers::Handle pause_;
  bool exhausted_ = false;
};

class AsioListener final : public Listener {
 public:
  AsioListener(domain::Address bound, std::vector<std::shared_ptr<Acceptor>> acceptors)
      : bound_(std::move(bound)), acceptors_(std::move(acceptors)) {}
  ~AsioListener() override {
    for (const auto& acceptor : acceptors_) acceptor->Close();
  }
  const domain::Address& bound_address() const override { return bound_; }

 private:
  domain::Address bound_;
  std::vector<std::shared_ptr<Acceptor>> acceptors_;
};

absl::StatusOr<std::vector<Endpoint>> EndpointsOf(const domain::Address& address) {
  if (address.kind == domain::Address::Kind::kUnix) {
    ASSIGN_OR_RETURN(Endpoint endpoint, Endpoint::FromUnixPath(address.path));
    return std::vector<Endpoint>{endpoint};
  }
  if (auto literal = Endpoint::FromLiteral(address.host, address.port)) {
    return std::vector<Endpoint>{*literal};
  }
  auto resolved = ResolveNow(address.host, address.port, kResolveTimeout);
  if (resolved.ok()) return resolved;
  return domain::MakeError(
      absl::StatusCode::kInvalidArgument,
      fmt::format("cannot listen on {}: {}", address.ToString(), MessageOf(resolved.status())),
      {.reason = "ADDRESS_UNAVAILABLE"});
}

// Listens on every endpoint, with the first one's port. Addresses that this machine lacks are left
// out as long as one remains ("localhost" where IPv6 is off).
absl::StatusOr<std::vector<ListenSocket>> ListenOnAll(std::vector<Endpoint> endpoints) {
  std::vector<ListenSocket> sockets;
  absl::Status unavailable;
  for (Endpoint& endpoint : endpoints) {
    if (!sockets.empty()) endpoint.set_port(sockets.front().port());
    absl::StatusOr<ListenSocket> socket = ListenSocket::Create(endpoint);
    if (socket.ok()) {
      sockets.push_back(*std::move(socket));
    } else if (absl::IsInvalidArgument(socket.status())) {
      unavailable = socket.status();
    } else {
      return socket.status();
    }
  }
  if (sockets.empty()) return unavailable;
  return sockets;
}

absl::StatusOr<std::vector<ListenSocket>> ListenOn(const domain::Address& address) {
  ASSIGN_OR_RETURN(const std::vector<Endpoint> endpoints, EndpointsOf(address));
  const bool any_port = address.kind == domain::Address::Kind::kTcp && address.port == 0;
  for (int attempt = 1;; ++attempt) {
    auto sockets = ListenOnAll(endpoints);
    const bool taken = absl::IsAlreadyExists(sockets.status());
    if (!taken || !any_port || attempt == kPortAttemptsMax) return sockets;
  }
}

class AsioListenerFactory final : public ListenerFactory {
 public:
  explicit AsioListenerFactory(asio::io_context& io) : io_(io) {}

  absl::StatusOr<std::unique_ptr<Listener>> Listen(const domain::Address& address,
                                                   OnAccept on_accept) override {
    ASSIGN_OR_RETURN(std::vector<ListenSocket> sockets, ListenOn(address));
    domain::Address bound = address;
    if (bound.kind == domain::Address::Kind::kTcp) bound.port = sockets.front().port();
    std::vector<std::shared_ptr<Acceptor>> acceptors;
    for (ListenSocket& socket : sockets) {
      acceptors.push_back(
          std::make_shared<Acceptor>(io_, std::move(socket), on_accept, bound.ToString()));
    }
    auto listener = std::make_unique<AsioListener>(std::move(bound), acceptors);
    for (const auto& acceptor : acceptors) RETURN_IF_ERROR(acceptor->Start(io_));
    return std::unique_ptr<Listener>(std::move(listener));
  }

 private:
  asio::io_context& io_;
};

}  // namespace

std::unique_ptr<ListenerFactory> MakeListenerFactory(asio::io_context& io) {
  return std::make_unique<AsioListenerFactory>(io);
}

}  // namespace penstock::net
