#include <gtest/gtest.h>

#include <string>

#include "runtime/io/stream.h"
#include "runtime/io/stream_test_fixture.h"

namespace penstock {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

class StreamClose : public testing::TestWithParam<SocketKind>, protected StreamFixture {
 protected:
  static constexpr seconds kLinger{5};

  // Writes until bytes are stuck in the queue, because the peer does not read.
  std::string FillUp(Connection& connection) {
    std::string written;
    while (connection.stream.queued_byte_count() < BufferPool::kBufferByteCount) {
      EXPECT_EQ(connection.Write(Pattern(100'000)), 0);
      written += Pattern(100'000);
    }
    return written;
  }
};

TEST_P(StreamClose, DrainsThenEndsThenWaitsForThePeersEnd) {
  Connection connection(*this, GetParam());
  const std::string written = FillUp(connection);
  connection.stream.Close(kLinger, clock_.Now() + seconds(60));
  EXPECT_EQ(connection.stream.close_deadline(), clock_.Now() + seconds(60));
  EXPECT_EQ(connection.Write("x"), EPIPE);
  EXPECT_EQ(connection.Read().kind, ReadResult::Kind::kEndOfStream);
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
  EXPECT_EQ(connection.peer.error(), 0);
  EXPECT_TRUE(connection.peer.received() == written);
  EXPECT_FALSE(connection.stream.closed()) << "the peer has not ended its side yet";
  EXPECT_EQ(connection.stream.close_deadline(), clock_.Now() + kLinger);
  const int before = wake_count();
  connection.peer.Close();
  EXPECT_TRUE(PumpUntil([&] { return connection.stream.closed() && wake_count() > before; }));
  EXPECT_EQ(connection.stream.fd(), -1);
  EXPECT_EQ(connection.stream.close_deadline(), kNoDeadline);
  EXPECT_EQ(buffer_byte_count_, 0u);
}

TEST_P(StreamClose, FlushByAnybodyMovesItOn) {
  Connection connection(*this, GetParam());
  (void)FillUp(connection);
  connection.stream.Close(kLinger, kNoDeadline);
  EXPECT_TRUE(PumpUntil([&] {
    connection.stream.Flush();
    if (!connection.peer.Receive()) connection.peer.Close();
    return connection.stream.closed();
  }));
}

TEST_P(StreamClose, UnreadDataOfThePeerDestroysNothing) {
  Connection connection(*this, GetParam());
  ASSERT_GT(connection.peer.Send(Pattern(100'000)), 0u);
  const std::string written = FillUp(connection);
  connection.stream.Close(kLinger, kNoDeadline);
  ASSERT_TRUE(PumpUntil([&] {
    connection.peer.Send("never read");
    return !connection.peer.Receive();
  }));
  EXPECT_EQ(connection.peer.error(), 0) << "a reset instead of an end";
  EXPECT_TRUE(connection.peer.received() == written);
}

TEST_P(StreamClose, DiscardsWhileDrainingForAPeerThatWritesBeforeItReads) {
  Connection connection(*this, GetParam());
  (void)FillUp(connection);
  connection.stream.Close(kLinger, kNoDeadline);
  size_t sent = 0;  // far more than sockets hold
  EXPECT_TRUE(PumpUntil([&] {
    sent += connection.peer.Send(Pattern(1'000'000));
    return sent > 20'000'000;
  }));
}

TEST_P(StreamClose, GivesUpLingering) {
  Connection connection(*this, GetParam());
  connection.stream.Close(kLinger, clock_.Now() + seconds(60));
  connection.stream.Tick(clock_.Now());
  clock_.Advance(kLinger - nanoseconds(1));
  connection.stream.Tick(clock_.Now());
  EXPECT_FALSE(connection.stream.closed());
  clock_.Advance(nanoseconds(1));
  connection.stream.Tick(clock_.Now());
  EXPECT_TRUE(connection.stream.closed());
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
  EXPECT_EQ(connection.peer.error(), 0) << "lingering ends with a plain close";
}

TEST_P(StreamClose, NoLingerClosesAfterTheQueue) {
  Connection connection(*this, GetParam());
  ASSERT_EQ(connection.Write("bye"), 0);
  connection.stream.Close(nanoseconds(0), kNoDeadline);
  EXPECT_TRUE(connection.stream.closed());
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
  EXPECT_EQ(connection.peer.received(), "bye");
}

TEST_P(StreamClose, AnEndlessLingerDoesNotOverflow) {
  clock_.Advance(seconds(1'000));
  Connection connection(*this, GetParam());
  connection.stream.Close(nanoseconds::max(), kNoDeadline);
  EXPECT_EQ(connection.stream.close_deadline(), kNoDeadline);
  connection.stream.Tick(clock_.Now());
  EXPECT_FALSE(connection.stream.closed());
}

TEST_P(StreamClose, PastItsDeadlineAStuckQueueIsCut) {
  Connection connection(*this, GetParam());
  (void)FillUp(connection);
  connection.stream.Close(kLinger, clock_.Now() + seconds(60));
  clock_.Advance(seconds(60));
  connection.stream.Tick(clock_.Now());
  EXPECT_TRUE(connection.stream.closed());
  EXPECT_EQ(buffer_byte_count_, 0u);
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
  EXPECT_EQ(connection.peer.error(), GetParam() == SocketKind::kTcp ? ECONNRESET : 0);
}

TEST_P(StreamClose, IsOverAtOnceWhereThePeerHasEnded) {
  Connection connection(*this, GetParam());
  connection.peer.ShutdownWrite();
  ASSERT_TRUE(PumpUntil([&] { return connection.Read().kind == ReadResult::Kind::kEndOfStream; }));
  const int before = wake_count();
  connection.stream.Close(kLinger, kNoDeadline);
  EXPECT_TRUE(connection.stream.closed());
  scheduler_.RunReady();
  EXPECT_GT(wake_count(), before);
}

TEST_P(StreamClose, IsOverWhereThePeerGoesAwayWhileDraining) {
  Connection connection(*this, GetParam());
  (void)FillUp(connection);
  connection.stream.Close(kLinger, kNoDeadline);
  connection.peer.Close();
  EXPECT_TRUE(PumpUntil([&] { return connection.stream.closed(); }));
}

TEST_P(StreamClose, ABrokenStreamClosesAtOnce) {
  Connection connection(*this, GetParam());
  connection.peer.Close();
  ASSERT_TRUE(PumpUntil([&] {
    (void)connection.Write("x");
    connection.stream.Flush();
    return connection.stream.error() != 0;
  }));
  connection.stream.Close(kLinger, kNoDeadline);
  EXPECT_TRUE(connection.stream.closed());
}

TEST_P(StreamClose, ResetReturnsBuffersAndEndsEverything) {
  Connection connection(*this, GetParam());
  (void)FillUp(connection);
  connection.stream.Reset();
  EXPECT_TRUE(connection.stream.closed());
  EXPECT_EQ(buffer_byte_count_, 0u);
  connection.stream.Reset();
  connection.stream.Flush();
  connection.stream.Close(kLinger, kNoDeadline);
  EXPECT_EQ(connection.Write("x"), EPIPE);
  EXPECT_EQ(connection.Read().kind, ReadResult::Kind::kEndOfStream);
  ASSERT_TRUE(PumpUntil([&] { return !connection.peer.Receive(); }));
}

INSTANTIATE_TEST_SUITE_P(All, StreamClose, testing::Values(SocketKind::kUnix, SocketKind::kTcp),
                         KindName);

TEST(StreamReset, TellsATcpPeer) {
  StreamFixture fixture;
  Connection connection(fixture, SocketKind::kTcp);
  connection.stream.Reset();
  ASSERT_TRUE(fixture.PumpUntil([&] { return !connection.peer.Receive(); }));
  EXPECT_EQ(connection.peer.error(), ECONNRESET);
}

TEST(StreamDiscard, GoesInTurnsWithOthersAndStillToTheEnd) {
  StreamFixture fixture;
  Connection connection(fixture, SocketKind::kUnix);
  // Each piece takes a receive of its own: more of them than a closing stream does in one go.
  for (int i = 0; i < 50; ++i) connection.peer.SendWithDescriptor("x");
  connection.peer.ShutdownWrite();
  connection.stream.Close(std::chrono::seconds(5), kNoDeadline);
  EXPECT_FALSE(connection.stream.closed());
  EXPECT_TRUE(fixture.PumpUntil([&] { return connection.stream.closed(); }));
}

}  // namespace
}  // namespace penstock
