#include "server/net/connector.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "server/net/fd_watch.h"
#include "server/net/timers.h"

namespace penstock::net {
namespace {

// A Unix socket whose backlog is full does not queue the connection but says EAGAIN.
constexpr std::chrono::milliseconds kRetryDelay{10};

absl::Status ConnectError(int error, const Endpoint& endpoint) {
  const bool exhausted = error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS;
  return absl::Status(
      exhausted ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
      fmt::format("{}: {}", endpoint.ToString(), std::generic_category().message(error)));
}

// Whether the socket is connected to itself, which TCP permits when the kernel happens to choose
// the port that nobody listens on.
bool IsSelfConnected(int fd, const Endpoint& peer) {
  if (peer.family() == AF_UNIX) return false;
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return false;
  const Endpoint own = Endpoint::From(reinterpret_cast<const sockaddr*>(&storage), size);
  return own.port() == peer.port() && own.ToString() == peer.ToString();
}

// One connection that is being made; its own handle.
class Attempt final {
 public:
  Attempt(asio::io_context& io, const Endpoint& endpoint, Connector::Done done)
      : io_(io), timers_(io), endpoint_(endpoint), done_(std::move(done)) {}

  void Start() {
    fd_ = UniqueFd(socket(endpoint_.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd_) return FinishSoon(errno);
    Connect();
  }

  ~Attempt() { watch_.reset(); }

 private:
  void Connect() {
    if (connect(fd_.get(), endpoint_.address(), endpoint_.size) == 0) return FinishSoon(0);
    if (errno == EAGAIN) {
      timer_ = timers_.After(kRetryDelay, [this] { Connect(); });
      return;
    }
    // Interrupted by a signal it goes on by itself, as in EINPROGRESS.
    if (errno != EINPROGRESS && errno != EINTR) return FinishSoon(errno);
    auto watch = FdWatch::Create(io_, fd_.get());
    if (!watch.ok()) return FinishSoon(ENOMEM);
    watch_.emplace(*std::move(watch));
    watch_->AwaitWritable([this] { OnWritable(); });
  }

  void OnWritable() {
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    Finish(error);
  }

  void FinishSoon(int error) {
    timer_ = timers_.After({}, [this, error] { Finish(error); });
  }

  void Finish(int error) {
    watch_.reset();
    if (error == 0 && IsSelfConnected(fd_.get(), endpoint_)) error = ECONNREFUSED;
    UniqueFd fd = std::move(fd_);
    const Connector::Done done = std::move(done_);
    if (error != 0) return done(ConnectError(error, endpoint_));
    TuneConnection(fd.get());
    done(std::move(fd));
  }

  asio::io_context& io_;
  AsioTimers timers_;
  Endpoint endpoint_;
  Connector::Done done_;
  UniqueFd fd_;
  std::optional<FdWatch> watch_;  // of fd_
  Timers::Handle timer_;
};

class SocketConnector final : public Connector {
 public:
  explicit SocketConnector(asio::io_context& io) : io_(io) {}

  Handle Connect(const Endpoint& endpoint, Done done) override {
    auto attempt = std::make_shared<Attempt>(io_, endpoint, std::move(done));
    attempt->Start();
    return attempt;
  }

 private:
  asio::io_context& io_;
};

}  // namespace

std::unique_ptr<Connector> MakeConnector(asio::io_context& io) {
  return std::make_unique<SocketConnector>(io);
}

}  // namespace penstock::net
