#pragma once

#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"

namespace penstock::net {

// Waits for a descriptor that somebody else owns to become readable or writable. Move-only.
//
// Threads:  the control loop's.
// Lifetime: destroy it before the descriptor is closed; waits that are still pending are dropped
//           and never called. It may be destroyed within its own callback.
class FdWatch final {
 public:
  // Fails when the kernel cannot watch `fd` (out of memory or of epoll watches).
  static absl::StatusOr<FdWatch> Create(asio::io_context& io, int fd);

  FdWatch(FdWatch&&) noexcept = default;
  FdWatch& operator=(FdWatch&& other) noexcept;
  ~FdWatch();

  // Calls `ready` once when the descriptor is readable (or writable), at end of stream or in error;
  // at once, but not from within, if it is so already.
  void AwaitReadable(std::function<void()> ready);
  void AwaitWritable(std::function<void()> ready);

 private:
  using Descriptor = asio::posix::stream_descriptor;
  explicit FdWatch(std::shared_ptr<Descriptor> descriptor) : descriptor_(std::move(descriptor)) {}
  void Await(Descriptor::wait_type what, std::function<void()> ready);
  void Release();

  std::shared_ptr<Descriptor> descriptor_;
};

}  // namespace penstock::net
