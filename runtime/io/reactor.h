#pragma once

#include <sys/epoll.h>

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/unique_fd.h"

namespace penstock {

// epoll(7), edge-triggered. One per worker thread; not safe from another.
class Reactor final {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // `events` as epoll reports them. May remove itself and other handlers.
    virtual void OnEvents(uint32_t events) = 0;
  };

  static absl::StatusOr<Reactor> Create();

  // Watches `fd` for EPOLLIN | EPOLLOUT | EPOLLRDHUP, edge-triggered. `handler` is borrowed until
  // Remove().
  absl::Status Add(int fd, Handler* handler);
  // A handler that was removed gets no event, not even one that was already collected.
  void Remove(int fd, Handler* handler);

  // Waits until an event or `deadline` and hands out what came. Never EINTR.
  absl::Status Poll(MonotonicTime deadline);

 private:
  explicit Reactor(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
};

}  // namespace penstock
