#include "server/net/timers.h"

#include <asio/steady_timer.hpp>
#include <utility>

namespace penstock::net {

Timers::Handle AsioTimers::After(std::chrono::nanoseconds delay, std::function<void()> callback) {
  auto timer = std::make_shared<asio::steady_timer>(io_);
  timer->expires_after(delay);
  // The weak pointer tells a cancelled call from a due one even when the timer had expired, and its
  // completion was queued, before the handle was destroyed.
  timer->async_wait([alive = std::weak_ptr<asio::steady_timer>(timer),
                     callback = std::move(callback)](const asio::error_code& error) {
    if (!error && !alive.expired()) callback();
  });
  return timer;
}

}  // namespace penstock::net
