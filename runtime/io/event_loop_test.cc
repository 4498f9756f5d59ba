#include "runtime/io/event_loop.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/io/stream.h"
#include "runtime/io/stream_test_fixture.h"

namespace penstock {
namespace {

class EventLoopTest : public testing::Test {
 protected:
  Scheduler scheduler_{Clock::System(), {.stack_byte_count = 64 * 1024}};
  Reactor reactor_ = *Reactor::Create();
  BufferPool buffers_{4, nullptr};
  IoContext io_{.reactor = reactor_, .scheduler = scheduler_, .buffers = buffers_};
  EventLoop loop_{scheduler_, reactor_};
};

TEST_F(EventLoopTest, RunsUntilStopped) {
  int rounds = 0;
  scheduler_.Spawn([&] {
    while (++rounds < 3) scheduler_.Yield();
    loop_.Stop();
  });
  EXPECT_TRUE(loop_.Run().ok());
  EXPECT_EQ(rounds, 3);
  loop_.Stop();
  EXPECT_TRUE(loop_.Run().ok());
}

TEST_F(EventLoopTest, SleepsUntilTheNextDeadline) {
  const MonotonicTime deadline = Clock::System().Now() + std::chrono::milliseconds(2);
  std::optional<Wake> wake;
  scheduler_.Spawn([&] {
    wake = scheduler_.Park(deadline);
    loop_.Stop();
  });
  EXPECT_TRUE(loop_.Run().ok());
  EXPECT_EQ(wake, Wake::kDeadline);
  EXPECT_GE(Clock::System().Now(), deadline);
}

TEST_F(EventLoopTest, ABusyFiberDoesNotKeepEventsFromOthers) {
  auto [local, remote] = StreamFixture::Connect(SocketKind::kUnix);
  Peer peer(std::move(remote));
  bool received = false;
  Fiber* const reader = scheduler_.Spawn([&, fd = local.Release()] {
    Stream stream(io_, UniqueFd(fd), *scheduler_.current(), {});
    while (!stream.readable()) EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
    received = true;
  });
  ASSERT_NE(reader, nullptr);
  scheduler_.Spawn([&] {
    scheduler_.Yield();
    peer.Send("x");
    while (!received) scheduler_.Yield();
    loop_.Stop();
  });
  EXPECT_TRUE(loop_.Run().ok());
  EXPECT_TRUE(received);
}

// Echoes until the peer's end, as a session does: read, write, flush, park; then closes in order.
void Echo(IoContext& io, UniqueFd socket) {
  Scheduler& scheduler = io.scheduler;
  Stream stream(io, std::move(socket), *scheduler.current(), {});
  std::string chunk(5'000, '\0');
  const iovec room{.iov_base = chunk.data(), .iov_len = chunk.size()};
  for (;;) {
    const ReadResult result = stream.Read({&room, 1});
    if (result.kind == ReadResult::Kind::kBytes) {
      const iovec part{.iov_base = chunk.data(), .iov_len = result.byte_count};
      EXPECT_EQ(stream.Write({&part, 1}), 0);
      while (stream.over_high_water()) EXPECT_EQ(scheduler.Park(kNoDeadline), Wake::kReady);
    } else if (result.kind == ReadResult::Kind::kWouldBlock) {
      stream.Flush();
      EXPECT_EQ(scheduler.Park(kNoDeadline), Wake::kReady);
    } else {
      break;
    }
  }
  stream.Close(std::chrono::seconds(5), kNoDeadline);
  while (!stream.closed()) {
    if (scheduler.Park(stream.close_deadline()) == Wake::kDeadline) {
      stream.Tick(scheduler.clock().Now());
    }
  }
}

TEST_F(EventLoopTest, EchoesManyConnectionsAtOnce) {
  const std::string sent = Pattern(1'000'000);
  constexpr size_t kConnectionCount = 20;
  std::vector<Peer> peers;
  for (size_t i = 0; i < kConnectionCount; ++i) {
    auto [local, remote] =
        StreamFixture::Connect(i % 2 == 0 ? SocketKind::kTcp : SocketKind::kUnix);
    peers.emplace_back(std::move(remote));
    scheduler_.Spawn([this, fd = local.Release()] { Echo(io_, UniqueFd(fd)); });
  }
  scheduler_.Spawn([&] {
    std::vector<size_t> sent_byte_count(kConnectionCount, 0);
    size_t open_count = kConnectionCount;
    std::vector<bool> open(kConnectionCount, true);
    while (open_count > 0) {
      for (size_t i = 0; i < kConnectionCount; ++i) {
        if (!open[i]) continue;
        if (sent_byte_count[i] < sent.size()) {
          sent_byte_count[i] += peers[i].Send(std::string_view(sent).substr(sent_byte_count[i]));
          if (sent_byte_count[i] == sent.size()) peers[i].ShutdownWrite();
        }
        open[i] = peers[i].Receive();
        if (!open[i]) --open_count;
      }
      scheduler_.Yield();
    }
    while (scheduler_.fiber_count() > 1) scheduler_.Yield();
    loop_.Stop();
  });
  EXPECT_TRUE(loop_.Run().ok());
  for (const Peer& peer : peers) {
    EXPECT_EQ(peer.error(), 0);
    EXPECT_TRUE(peer.received() == sent);
  }
  EXPECT_EQ(buffers_.in_use_count(), 0u);
}

}  // namespace
}  // namespace penstock
