#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>

namespace penstock::net {

// Calls later, on the control loop's thread. An interface so that tests can turn the time.
//
// Threads: the control loop's.
class Timers {
 public:
  // Destroying it cancels the call; the handle may be destroyed within the call.
  using Handle = std::shared_ptr<void>;

  virtual ~Timers() = default;
  // Calls `callback` once, `delay` from now; never from within After(), not even for 0.
  [[nodiscard]] virtual Handle After(std::chrono::nanoseconds delay,
                                     std::function<void()> callback) = 0;
};

// Timers of an event loop.
class AsioTimers final : public Timers {
 public:
  // Borrows `io`, which must outlive the timers and their handles.
  explicit AsioTimers(asio::io_context& io) : io_(io) {}
  Handle After(std::chrono::nanoseconds delay, std::function<void()> callback) override;

 private:
  asio::io_context& io_;
};

}  // namespace penstock::net
