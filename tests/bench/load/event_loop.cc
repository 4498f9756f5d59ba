#include "tests/bench/load/event_loop.h"

#include <sys/epoll.h>

#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/status.h"

namespace penstock::bench {
namespace {

void Control(int epoll, int operation, int fd, uint32_t events, EventHandler& handler) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &handler;
  PENSTOCK_CHECK(::epoll_ctl(epoll, operation, fd, &event) == 0);
}

}  // namespace

absl::StatusOr<EventLoop> EventLoop::Create() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return ErrnoStatus(errno, "epoll_create1");
  return EventLoop(std::move(epoll));
}

void EventLoop::Add(int fd, uint32_t events, EventHandler& handler) {
  Control(epoll_.get(), EPOLL_CTL_ADD, fd, events, handler);
}

void EventLoop::Modify(int fd, uint32_t events, EventHandler& handler) {
  Control(epoll_.get(), EPOLL_CTL_MOD, fd, events, handler);
}

void EventLoop::RunOnce(std::chrono::milliseconds timeout) {
  std::array<epoll_event, 64> events;
  const int count = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                 static_cast<int>(timeout.count()));
  for (int i = 0; i < count; ++i) {
    static_cast<EventHandler*>(events[static_cast<size_t>(i)].data.ptr)
        ->OnEvents(events[static_cast<size_t>(i)].events);
  }
}

}  // namespace penstock::bench
