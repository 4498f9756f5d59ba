#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace penstock::app {

// The one thread on which listeners, workers and the reconciler live. An interface so that tests
// can turn it by hand.
class ControlLoop {
 public:
  // Destroying it cancels the call; it may be destroyed within the call. On the loop's thread.
  using Timer = std::shared_ptr<void>;

  virtual ~ControlLoop() = default;
  // Runs `work` on the loop's thread, in order, never from within Post(). From any thread.
  virtual void Post(std::function<void()> work) = 0;
  // Runs `work` once, `delay` from now. On the loop's thread.
  [[nodiscard]] virtual Timer After(std::chrono::nanoseconds delay, std::function<void()> work) = 0;
};

// Borrows `io`, which one thread runs and which must outlive the loop and its timers.
class AsioControlLoop final : public ControlLoop {
 public:
  explicit AsioControlLoop(asio::io_context& io) : io_(io) {}
  void Post(std::function<void()> work) override;
  Timer After(std::chrono::nanoseconds delay, std::function<void()> work) override;

 private:
  asio::io_context& io_;
};

}  // namespace penstock::app
