#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>

#include "server/store/subscribers.h"

namespace penstock::app {

// Wakes watchers on another thread, once for all that happens until then. Safe from any thread.
class Waker final : public std::enable_shared_from_this<Waker> {
 public:
  using Executor = std::function<void(std::function<void()>)>;
  explicit Waker(Executor executor) : executor_(std::move(executor)) {}

  void Wake() {
    if (pending_.exchange(true)) return;
    executor_([self = shared_from_this()] {
      self->pending_ = false;
      self->sleepers_.Notify();
    });
  }

  // As store::Subscribers::Add().
  [[nodiscard]] std::shared_ptr<void> Add(std::function<void()> callback) {
    return sleepers_.Add(std::move(callback));
  }

 private:
  const Executor executor_;
  std::atomic<bool> pending_{false};
  store::Subscribers<> sleepers_;
};

}  // namespace penstock::app
