#pragma once

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "tests/bench/load/event_loop.h"

namespace penstock::bench {

// A connection that proves itself by one byte and its echo. One thread.
class Probe final : public EventHandler {
 public:
  // Called when an exchange is over, well or badly, and when an idle connection ends. It may start
  // the probe again, or close it.
  using OnDone = std::function<void(Probe& probe, const absl::Status& status)>;

  // Borrows `loop` and `clock`.
  Probe(EventLoop& loop, const Clock& clock, OnDone on_done);

  // Connects and exchanges a byte. Drops the connection that there was.
  void Start(const sockaddr_in& target);

  // Exchanges another byte. Precondition: the last exchange went well.
  void Repeat();

  void Close();

  // Whether an exchange is under way, and since when.
  bool busy() const { return state_ == State::kConnecting || state_ == State::kWaiting; }
  MonotonicTime started_at() const { return started_at_; }
  // Whether the connection stands and its last exchange went well.
  bool open() const { return state_ == State::kIdle; }

  void OnEvents(uint32_t events) override;

 private:
  enum class State : uint8_t { kClosed, kConnecting, kWaiting, kIdle };

  void Send();
  void Receive();
  void Finish(State state, const absl::Status& status);

  EventLoop& loop_;
  const Clock& clock_;
  const OnDone on_done_;
  UniqueFd fd_;
  State state_ = State::kClosed;
  MonotonicTime started_at_;
  std::byte value_{0};  // another one each time
};

}  // namespace penstock::bench
