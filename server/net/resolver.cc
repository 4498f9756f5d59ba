#include "server/net/resolver.h"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "server/net/cares_channel.h"
#include "server/net/fd_watch.h"
#include "server/net/timers.h"

namespace penstock::net {
namespace {

// One caller's wait for an answer. c-ares cannot drop a single query, so an abandoned one runs on
// and finds nobody here.
struct Wait {
  Resolver::Done done;
  Timers::Handle deadline;
  Timers::Handle delivery;

  // Answers the caller, once, from a fresh stack.
  void Deliver(Timers& timers, absl::StatusOr<std::vector<Endpoint>> result) {
    if (delivery != nullptr) return;
    deadline.reset();
    delivery = timers.After({}, [this, result = std::move(result)]() mutable {
      // A copy: the callback may destroy this wait.
      const Resolver::Done callback = std::move(done);
      callback(std::move(result));
    });
  }
};

class CaresResolver final : public Resolver {
 public:
  CaresResolver(asio::io_context& io, ResolverOptions options)
      : io_(io), timers_(io), options_(std::move(options)) {}

  absl::Status Start() {
    auto on_state = [this](int fd, bool read, bool write) { OnSocketState(fd, read, write); };
    ASSIGN_OR_RETURN(channel_, CaresChannel::Create(options_, std::move(on_state)));
    return absl::OkStatus();
  }

  Handle Resolve(const std::string& host, uint16_t port, IpFamily family,
                 std::chrono::nanoseconds timeout, Done done) override {
    auto wait = std::make_shared<Wait>();
    wait->done = std::move(done);
    if (query_count_ >= options_.queries_max) {
      wait->Deliver(timers_, absl::ResourceExhaustedError(
                                 fmt::format("{} names are being resolved already", query_count_)));
      return wait;
    }
    wait->deadline = timers_.After(timeout, [this, at = wait.get(), host] {
      at->Deliver(timers_,
                  absl::DeadlineExceededError(fmt::format("'{}' was not resolved in time", host)));
    });
    ++query_count_;
    const int ares_family = family == IpFamily::kV4 ? AF_INET : AF_INET6;
    channel_->Query(host, port, ares_family, [this, weak = std::weak_ptr<Wait>(wait)](auto result) {
      --query_count_;
      const auto waiting = weak.lock();
      if (waiting != nullptr) waiting->Deliver(timers_, std::move(result));
    });
    UpdateTimer();
    return wait;
  }

 private:
  // A socket of the channel and what it waits for; `armed_*` while that wait is under way.
  struct Socket {
    FdWatch watch;
    bool read = false;
    bool write = false;
    bool armed_read = false;
    bool armed_write = false;
  };

  void OnSocketState(int fd, bool read, bool write) {
    if (!read && !write) {
      sockets_.erase(fd);
      return;
    }
    auto found = sockets_.find(fd);
    if (found == sockets_.end()) {
      auto watch = FdWatch::Create(io_, fd);
      // The query then ends by its deadline, as if the server were silent.
      if (!watch.ok()) return log::Warning(MessageOf(watch.status()));
      found = sockets_.emplace(fd, Socket{.watch = *std::move(watch)}).first;
    }
    found->second.read = read;
    found->second.write = write;
    Arm(fd, found->second);
  }

  void Arm(int fd, Socket& socket) {
    if (socket.read && !std::exchange(socket.armed_read, true)) {
      socket.watch.AwaitReadable([this, fd, &socket] {
        socket.armed_read = false;
        Process(fd, ARES_SOCKET_BAD);
      });
    }
    if (socket.write && !std::exchange(socket.armed_write, true)) {
      socket.watch.AwaitWritable([this, fd, &socket] {
        socket.armed_write = false;
        Process(ARES_SOCKET_BAD, fd);
      });
    }
  }

  void Process(int read_fd, int write_fd) {
    ares_process_fd(channel_->get(), read_fd, write_fd);
    const auto found = sockets_.find(read_fd == ARES_SOCKET_BAD ? write_fd : read_fd);
    if (found != sockets_.end()) Arm(found->first, found->second);
    UpdateTimer();
  }

  // c-ares wants to be called when its next retry is due.
  void UpdateTimer() {
    timeval wait{};
    if (ares_timeout(channel_->get(), nullptr, &wait) == nullptr) {
      retry_.reset();
      return;
    }
    const auto delay = std::chrono::seconds(wait.tv_sec) + std::chrono::microseconds(wait.tv_usec);
    retry_ = timers_.After(delay, [this] {
      ares_process_fd(channel_->get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      UpdateTimer();
    });
  }

  asio::io_context& io_;
  AsioTimers timers_;
  ResolverOptions options_;
  size_t query_count_ = 0;
  Timers::Handle retry_;
  std::map<int, Socket> sockets_;
  // Last: destroying it calls back into the members above.
  std::unique_ptr<CaresChannel> channel_;
};

// Sleeps until a socket of the channel is ready or `wait` is over, and lets the channel work.
void PollOnce(const CaresChannel& channel, std::chrono::milliseconds wait) {
  std::array<ares_socket_t, ARES_GETSOCK_MAXNUM> sockets{};
  const int bits = ares_getsock(channel.get(), sockets.data(), ARES_GETSOCK_MAXNUM);
  std::vector<pollfd> polls;
  for (int i = 0; i < ARES_GETSOCK_MAXNUM; ++i) {
    const bool read = ARES_GETSOCK_READABLE(static_cast<unsigned>(bits), i) != 0;
    const bool write = ARES_GETSOCK_WRITABLE(static_cast<unsigned>(bits), i) != 0;
    if (!read && !write) continue;
    const int events = (read ? POLLIN : 0) | (write ? POLLOUT : 0);
    polls.push_back({.fd = sockets[i], .events = static_cast<short>(events), .revents = 0});
  }
  timeval longest{.tv_sec = wait.count() / 1000, .tv_usec = (wait.count() % 1000) * 1000};
  timeval storage{};
  const timeval* sleep = ares_timeout(channel.get(), &longest, &storage);
  const auto sleep_ms = static_cast<int>(sleep->tv_sec * 1000 + (sleep->tv_usec + 999) / 1000);
  (void)poll(polls.data(), polls.size(), sleep_ms);
  for (const pollfd& one : polls) {
    const bool readable = (one.revents & (POLLIN | POLLERR | POLLHUP)) != 0;
    const bool writable = (one.revents & POLLOUT) != 0;
    ares_process_fd(channel.get(), readable ? one.fd : ARES_SOCKET_BAD,
                    writable ? one.fd : ARES_SOCKET_BAD);
  }
  ares_process_fd(channel.get(), ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Resolver>> MakeResolver(asio::io_context& io,
                                                       ResolverOptions options) {
  auto resolver = std::make_unique<CaresResolver>(io, std::move(options));
  RETURN_IF_ERROR(resolver->Start());
  return resolver;
}

absl::StatusOr<std::vector<Endpoint>> ResolveNow(const std::string& host, uint16_t port,
                                                 std::chrono::milliseconds timeout,
                                                 const ResolverOptions& options) {
  // Outlives the channel, whose destruction answers what is still under way.
  std::optional<absl::StatusOr<std::vector<Endpoint>>> answer;
  ASSIGN_OR_RETURN(const auto channel, CaresChannel::Create(options, {}));
  channel->Query(host, port, AF_UNSPEC, [&answer](auto result) { answer = std::move(result); });
  const MonotonicTime deadline = Clock::System().Now() + timeout;
  while (!answer.has_value()) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::System().Now());
    if (left.count() <= 0) {
      return absl::DeadlineExceededError(fmt::format("'{}' was not resolved in time", host));
    }
    PollOnce(*channel, left);
  }
  return *std::move(answer);
}

}  // namespace penstock::net
