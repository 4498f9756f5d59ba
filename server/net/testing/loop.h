#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <functional>

namespace penstock::net {

// Runs the loop until `condition` holds; false if that has not come about within what is ample on
// any machine.
inline bool RunUntil(asio::io_context& io, const std::function<bool()>& condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  io.restart();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    (void)io.run_one_for(std::chrono::milliseconds(20));
    if (io.stopped()) io.restart();
  }
  return true;
}

}  // namespace penstock::net
