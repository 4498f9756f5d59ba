#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "server/net/timers.h"

namespace penstock::net {

// Timers whose time stands still until a test moves it.
class FakeTimers final : public Timers {
 public:
  Handle After(std::chrono::nanoseconds delay, std::function<void()> callback) override {
    auto call = std::make_shared<std::function<void()>>(std::move(callback));
    calls_.emplace(now_ + delay, call);
    return call;
  }

  // Makes every call that is due by then, in order, those that they add included.
  void Advance(std::chrono::nanoseconds by) {
    const auto until = now_ + by;
    while (!calls_.empty() && calls_.begin()->first <= until) {
      now_ = std::max(now_, calls_.begin()->first);
      const auto call = calls_.begin()->second.lock();
      calls_.erase(calls_.begin());
      if (call != nullptr) (*call)();
    }
    now_ = until;
  }

  std::chrono::nanoseconds now() const { return now_; }

 private:
  std::chrono::nanoseconds now_{0};
  std::multimap<std::chrono::nanoseconds, std::weak_ptr<std::function<void()>>> calls_;
};

}  // namespace penstock::net
