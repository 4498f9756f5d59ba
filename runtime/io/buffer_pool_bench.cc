#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <string>

#include "base/check.h"
#include "runtime/io/buffer_pool.h"
#include "runtime/io/stream.h"

namespace penstock {
namespace {

void BM_TakeAndReturn(benchmark::State& state) {
  SharedCounter in_use{0};
  BufferPool pool(4, &in_use);
  for (auto _ : state) benchmark::DoNotOptimize(pool.Take());
}
BENCHMARK(BM_TakeAndReturn);

// A stream that sends `range(0)` bytes at a time to one that reads as much, over a socket pair.
void BM_StreamToStream(benchmark::State& state) {
  Scheduler scheduler(Clock::System(), {});
  Reactor reactor = *Reactor::Create();
  BufferPool pool(8, nullptr);
  IoContext io{.reactor = reactor, .scheduler = scheduler, .buffers = pool};
  int ends[2] = {-1, -1};
  PENSTOCK_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
  scheduler.Spawn([&] {
    Stream sender(io, UniqueFd(ends[0]), *scheduler.current(), {});
    Stream receiver(io, UniqueFd(ends[1]), *scheduler.current(), {});
    std::string chunk(static_cast<size_t>(state.range(0)), 'x');
    const iovec part{.iov_base = chunk.data(), .iov_len = chunk.size()};
    for (auto _ : state) {
      PENSTOCK_CHECK(sender.Write({&part, 1}) == 0);
      if (!sender.over_high_water()) continue;
      while (sender.queued_byte_count() > 0) {
        while (receiver.Read({&part, 1}).kind == ReadResult::Kind::kBytes) {
        }
        PENSTOCK_CHECK(reactor.Poll(MonotonicTime::min()).ok());
      }
    }
  });
  while (scheduler.fiber_count() > 0) scheduler.RunReady();
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_StreamToStream)->Arg(1'024)->Arg(16 * 1'024);

}  // namespace
}  // namespace penstock
