#pragma once

#include <chrono>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace penstock::bench {

// Told of the epoll events (EPOLLIN, EPOLLOUT ...) of the descriptors that it was added with. It
// may close its own descriptor and delete itself, and must leave other handlers alone.
class EventHandler {
 public:
  virtual ~EventHandler() = default;
  virtual void OnEvents(uint32_t events) = 0;
};

// Level-triggered epoll. One thread; move-only.
class EventLoop final {
 public:
  static absl::StatusOr<EventLoop> Create();

  // Adds a descriptor. Closing it removes it. `handler` is borrowed until then.
  void Add(int fd, uint32_t events, EventHandler& handler);
  void Modify(int fd, uint32_t events, EventHandler& handler);

  // Waits up to `timeout` for events and hands out those that came.
  void RunOnce(std::chrono::milliseconds timeout);

 private:
  explicit EventLoop(UniqueFd epoll) : epoll_(std::move(epoll)) {}

  UniqueFd epoll_;
};

}  // namespace penstock::bench
