#include "runtime/wasi/preview1.h"

#include <utility>

namespace penstock::wasi {
namespace {

Trap Cancelled() {
  return {.kind = Trap::Kind::kCancelled, .message = "the session was cancelled"};
}

}  // namespace

Preview1::Preview1(Environment environment)
    : fds_(environment.fds),
      streams_(environment.streams),
      clock_(environment.clock),
      args_(std::move(environment.args)),
      environ_(std::move(environment.environ)) {}

Result<Wake> Preview1::Wait(HostCall& call, MonotonicTime deadline) {
  streams_.FlushAll();
  fruitless_count_ = 0;
  const Wake wake = call.Park(deadline);
  if (wake == Wake::kCancelled) return Cancelled();
  return wake;
}

Result<Unit> Preview1::Yield(HostCall& call) {
  streams_.FlushAll();
  fruitless_count_ = 0;
  call.Yield();
  if (call.cancelled()) return Cancelled();
  return Unit{};
}

Result<Unit> Preview1::NoteFruitless(HostCall& call) {
  if (++fruitless_count_ < kFruitlessCallCountMax) return Unit{};
  return Yield(call);
}

}  // namespace penstock::wasi
