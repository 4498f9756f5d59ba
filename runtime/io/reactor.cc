#include "runtime/io/reactor.h"

#include <array>
#include <cerrno>
#include <ctime>
#include <optional>
#include <span>

#include "base/check.h"
#include "base/status.h"

namespace penstock {
namespace {

// Events collected by one system call; what does not fit comes with the next.
constexpr int kEventMax = 256;

// EPOLLPRI because urgent TCP data cuts receives short: whoever draws conclusions from short ones
// must hear of it.
constexpr uint32_t kInterest = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

// Time left until `deadline`; nothing for one that never comes.
std::optional<timespec> TimeoutUntil(MonotonicTime deadline) {
  if (deadline == MonotonicTime::max()) return std::nullopt;
  if (deadline == MonotonicTime::min()) return timespec{};  // saves reading the clock
  const auto now = Clock::System().Now();
  if (deadline <= now) return timespec{};
  const auto left = deadline - now;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return timespec{.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
}

}  // namespace

absl::StatusOr<Reactor> Reactor::Create() {
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return ErrnoStatus(errno, "epoll_create1");
  return Reactor(std::move(epoll));
}

int Reactor::Control(int operation, int fd, uint32_t generation) {
  epoll_event event{};
  event.events = kInterest;
  event.data.u64 = uint64_t{generation} << 32 | static_cast<uint32_t>(fd);
  return epoll_ctl(epoll_.get(), operation, fd, &event) == 0 ? 0 : errno;
}

absl::Status Reactor::Add(int fd, Handler* handler) {
  if (fd < 0) return ErrnoStatus(EBADF, "watching a descriptor");
  const auto index = static_cast<size_t>(fd);
  if (index >= watches_.size()) watches_.resize(index + 1);
  Watch& watch = watches_[index];
  if (const int error = Control(EPOLL_CTL_ADD, fd, watch.generation + 1); error != 0) {
    return ErrnoStatus(error, "watching a descriptor");
  }
  watch = {.handler = handler, .generation = watch.generation + 1};
  return absl::OkStatus();
}

void Reactor::Rearm(int fd) {
  // EPOLL_CTL_MOD looks at the descriptor anew. It fails only for one that is not watched.
  PENSTOCK_CHECK(Control(EPOLL_CTL_MOD, fd, watches_[static_cast<size_t>(fd)].generation) == 0);
}

void Reactor::Remove(int fd, Handler* handler) {
  const auto index = static_cast<size_t>(fd);
  if (fd < 0 || index >= watches_.size() || watches_[index].handler != handler) return;
  watches_[index].handler = nullptr;
  (void)Control(EPOLL_CTL_DEL, fd, 0);
}

absl::Status Reactor::Poll(MonotonicTime deadline) {
  std::array<epoll_event, kEventMax> events;
  int count = -1;
  while (count < 0) {
    const std::optional<timespec> timeout = TimeoutUntil(deadline);
    count = epoll_pwait2(epoll_.get(), events.data(), kEventMax, timeout ? &*timeout : nullptr,
                         nullptr);
    if (count < 0 && errno != EINTR) return ErrnoStatus(errno, "epoll_pwait2");
  }
  for (const epoll_event& event : std::span(events).first(static_cast<size_t>(count))) {
    const Watch& watch = watches_[static_cast<uint32_t>(event.data.u64)];
    if (watch.handler == nullptr || watch.generation != event.data.u64 >> 32) continue;
    watch.handler->OnEvents(event.events);
  }
  return absl::OkStatus();
}

}  // namespace penstock
