#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <utility>
#include <vector>

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
    // `events` as epoll reports them. May remove itself and other handlers, and add new ones.
    virtual void OnEvents(uint32_t events) = 0;
  };

  static absl::StatusOr<Reactor> Create();

  // Watches `fd` for EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI, edge-triggered; what is so already
  // is reported at the next Poll(). `handler` is borrowed until Remove().
  absl::Status Add(int fd, Handler* handler);
  // Reports what is so now at the next Poll(), for a handler that left work undone.
  // Precondition: `fd` is watched.
  void Rearm(int fd);
  // Stops watching; no effect unless `handler` watches `fd`. It gets no event any more, not even
  // one that was already collected, and neither does a later handler of the same number get it.
  // Precondition: `fd` is open still.
  void Remove(int fd, Handler* handler);

  // Waits until an event or `deadline` (steady clock) and hands out what came. Never EINTR.
  absl::Status Poll(MonotonicTime deadline);

 private:
  struct Watch {
    Handler* handler = nullptr;
    uint32_t generation = 0;  // tells events of this watch from those of its predecessors
  };

  explicit Reactor(UniqueFd epoll) : epoll_(std::move(epoll)) {}
  int Control(int operation, int fd, uint32_t generation);  // epoll_ctl; 0 or its errno

  UniqueFd epoll_;
  std::vector<Watch> watches_;  // by descriptor
};

}  // namespace penstock
