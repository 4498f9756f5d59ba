#include "server/app/control_loop.h"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <utility>

namespace penstock::app {

void AsioControlLoop::Post(std::function<void()> work) { asio::post(io_, std::move(work)); }

ControlLoop::Timer AsioControlLoop::After(std::chrono::nanoseconds delay,
                                          std::function<void()> work) {
  auto timer = std::make_shared<asio::steady_timer>(io_, delay);
  // A timer that has expired already can no longer be cancelled; that its handle is gone can.
  timer->async_wait([weak = std::weak_ptr(timer), work = std::move(work)](std::error_code error) {
    if (!error && !weak.expired()) work();
  });
  return timer;
}

}  // namespace penstock::app
