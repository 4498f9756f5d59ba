#include <gtest/gtest.h>

#include <string>

#include "runtime/io/stream.h"
#include "runtime/io/stream_test_fixture.h"

namespace penstock {
namespace {

class StreamWrite : public testing::TestWithParam<SocketKind>, protected StreamFixture {
 protected:
  // Queues `chunk` again and again until `full`; returns all that was written.
  std::string WriteUntil(Connection& connection, const std::function<bool()>& full) {
    const std::string chunk = Pattern(100'000);
    std::string written;
    while (!full()) {
      EXPECT_EQ(connection.Write(chunk), 0);
      written += chunk;
    }
    return written;
  }
};

TEST_P(StreamWrite, CoalescesSmallWritesUntilFlush) {
  Connection connection(*this, GetParam());
  std::string written;
  for (int i = 0; i < 1'000; ++i) {
    const std::string piece = std::to_string(i);
    ASSERT_EQ(connection.Write(piece), 0);
    written += piece;
  }
  EXPECT_EQ(connection.stream.queued_byte_count(), written.size());
  EXPECT_EQ(buffers_.in_use_count(), 1u);
  EXPECT_TRUE(connection.peer.Receive());
  EXPECT_EQ(connection.peer.received(), "");
  connection.stream.Flush();
  EXPECT_EQ(connection.stream.queued_byte_count(), 0u);
  EXPECT_EQ(buffers_.in_use_count(), 0u);
  EXPECT_TRUE(PumpUntil([&] {
    EXPECT_TRUE(connection.peer.Receive());
    return connection.peer.received() == written;
  }));
}

TEST_P(StreamWrite, SendsABuffersWorthByItself) {
  Connection connection(*this, GetParam());
  ASSERT_EQ(connection.Write(Pattern(BufferPool::kBufferByteCount - 1)), 0);
  EXPECT_EQ(connection.stream.queued_byte_count(), BufferPool::kBufferByteCount - 1);
  ASSERT_EQ(connection.Write("x"), 0);
  EXPECT_LT(connection.stream.queued_byte_count(), BufferPool::kBufferByteCount);
}

TEST_P(StreamWrite, TakesEverythingAndDrainsByItself) {
  SharedCounter session{0};
  SharedCounter total{0};
  Connection connection(*this, GetParam(), {.session_sent = &session, .total_sent = &total});
  const std::string written =
      WriteUntil(connection, [&] { return connection.stream.over_hard_cap(); });
  EXPECT_TRUE(connection.stream.over_high_water());
  EXPECT_EQ(connection.stream.queued_byte_count(), written.size() - session);
  ASSERT_TRUE(PumpUntil([&] {
    EXPECT_TRUE(connection.peer.Receive());
    return connection.peer.received().size() >= written.size();
  }));
  EXPECT_TRUE(connection.peer.received() == written);
  EXPECT_EQ(connection.stream.queued_byte_count(), 0u);
  EXPECT_EQ(session, written.size());
  EXPECT_EQ(total, written.size());
  EXPECT_EQ(buffer_byte_count_, 0u);
  EXPECT_LE(buffers_.idle_count(), 4u);
}

TEST_P(StreamWrite, WakesItsOwnerBelowEachMarkAndWhenDrained) {
  Connection connection(*this, GetParam());
  Pump();
  (void)WriteUntil(connection, [&] { return connection.stream.over_hard_cap(); });
  Pump();
  const auto drains_until = [&](const std::function<bool()>& below) {
    if (below()) return true;  // one event led past two marks
    const int before = wake_count();
    return PumpUntil([&] {
      if (!below()) return !connection.peer.Receive();
      return wake_count() > before;
    });
  };
  EXPECT_TRUE(drains_until([&] { return !connection.stream.over_hard_cap(); }));
  EXPECT_TRUE(drains_until([&] { return !connection.stream.over_high_water(); }));
  EXPECT_TRUE(drains_until([&] { return connection.stream.queued_byte_count() == 0; }));
}

TEST_P(StreamWrite, FlushByTheOwnerThatLeavesTheHighWaterBehindWakesIt) {
  Connection connection(*this, GetParam());
  (void)WriteUntil(connection, [&] { return connection.stream.over_high_water(); });
  Pump();
  // The event is taken but room is made only now: a Flush() before the park finds it.
  const int before = wake_count();
  ASSERT_TRUE(PumpUntil([&] {
    EXPECT_TRUE(connection.peer.Receive());
    connection.stream.Flush();
    return !connection.stream.over_high_water();
  }));
  scheduler_.RunReady();
  EXPECT_GT(wake_count(), before);
}

TEST_P(StreamWrite, SendsTheEndAfterTheQueue) {
  Connection connection(*this, GetParam());
  const std::string written =
      WriteUntil(connection, [&] { return connection.stream.over_high_water(); });
  connection.stream.ShutdownWrite();
  EXPECT_EQ(connection.Write("x"), EPIPE);
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
  EXPECT_EQ(connection.peer.error(), 0);
  EXPECT_TRUE(connection.peer.received() == written);
}

TEST_P(StreamWrite, StaysReadableAfterItsOwnEnd) {
  Connection connection(*this, GetParam());
  connection.stream.ShutdownWrite();
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
  connection.peer.Send("answer");
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.readable(); }));
  (void)connection.ReadAll();
  EXPECT_EQ(connection.received, "answer");
}

TEST_P(StreamWrite, CarriesBothDirectionsAtOnce) {
  Connection connection(*this, GetParam());
  const std::string bytes = Pattern(3'000'000);
  ASSERT_EQ(connection.Write(bytes), 0);
  size_t sent = 0;
  ASSERT_TRUE(PumpUntil([&] {
    sent += connection.peer.Send(std::string_view(bytes).substr(sent));
    EXPECT_TRUE(connection.peer.Receive());
    EXPECT_EQ(connection.ReadAll().kind, ReadResult::Kind::kWouldBlock);
    return connection.received.size() == bytes.size() &&
           connection.peer.received().size() == bytes.size();
  }));
  EXPECT_TRUE(connection.received == bytes);
  EXPECT_TRUE(connection.peer.received() == bytes);
}

TEST_P(StreamWrite, ABrokenConnectionDropsTheQueueAndWakesItsOwner) {
  Connection connection(*this, GetParam());
  Pump();
  (void)WriteUntil(connection, [&] { return connection.stream.over_high_water(); });
  Pump();
  const int before = wake_count();
  connection.peer.Close();
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.error() != 0; }));
  EXPECT_EQ(connection.stream.queued_byte_count(), 0u);
  EXPECT_EQ(buffer_byte_count_, 0u);
  scheduler_.RunReady();
  EXPECT_GT(wake_count(), before);
}

TEST_P(StreamWrite, DestructionReturnsBuffers) {
  {
    Connection connection(*this, GetParam());
    (void)WriteUntil(connection, [&] { return connection.stream.over_high_water(); });
    EXPECT_GT(buffer_byte_count_, 0u);
  }
  EXPECT_EQ(buffer_byte_count_, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, StreamWrite, testing::Values(SocketKind::kUnix, SocketKind::kTcp),
                         KindName);

TEST(StreamWriteFailure, IsToldWithoutWaitingForAnEvent) {
  StreamFixture fixture;
  Connection connection(fixture, SocketKind::kUnix);
  fixture.Pump();
  EXPECT_FALSE(connection.stream.readable());
  connection.peer.Close();
  ASSERT_EQ(connection.Write("to nobody"), 0);
  const int before = fixture.wake_count();
  connection.stream.Flush();
  fixture.scheduler_.RunReady();
  EXPECT_GT(fixture.wake_count(), before);
  EXPECT_TRUE(connection.stream.readable());
}

}  // namespace
}  // namespace penstock
