#include "server/net/fd_watch.h"

#include <fmt/format.h>

#include <utility>

namespace penstock::net {

absl::StatusOr<FdWatch> FdWatch::Create(asio::io_context& io, int fd) {
  auto descriptor = std::make_shared<Descriptor>(io);
  asio::error_code error;
  descriptor->assign(fd, error);
  if (error) {
    return absl::ResourceExhaustedError(
        fmt::format("cannot watch a descriptor: {}", error.message()));
  }
  return FdWatch(std::move(descriptor));
}

FdWatch& FdWatch::operator=(FdWatch&& other) noexcept {
  if (this != &other) {
    Release();
    descriptor_ = std::move(other.descriptor_);
  }
  return *this;
}

FdWatch::~FdWatch() { Release(); }

void FdWatch::Release() {
  // The descriptor belongs to somebody else: stop watching it, leave it open.
  if (descriptor_ != nullptr) (void)descriptor_->release();
  descriptor_.reset();
}

void FdWatch::AwaitReadable(std::function<void()> ready) {
  Await(Descriptor::wait_read, std::move(ready));
}

void FdWatch::AwaitWritable(std::function<void()> ready) {
  Await(Descriptor::wait_write, std::move(ready));
}

void FdWatch::Await(Descriptor::wait_type what, std::function<void()> ready) {
  descriptor_->async_wait(what, [alive = std::weak_ptr<Descriptor>(descriptor_),
                                 ready = std::move(ready)](const asio::error_code& error) {
    if (!error && !alive.expired()) ready();
  });
}

}  // namespace penstock::net
