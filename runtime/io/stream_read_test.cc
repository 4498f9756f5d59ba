#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/io/stream.h"
#include "runtime/io/stream_test_fixture.h"

namespace penstock {
namespace {

using Kind = ReadResult::Kind;

class StreamRead : public testing::TestWithParam<SocketKind>, protected StreamFixture {};

TEST_P(StreamRead, GivesBytesInOrderAndThenBlocks) {
  Connection connection(*this, GetParam());
  EXPECT_EQ(connection.Read().kind, Kind::kWouldBlock);
  EXPECT_FALSE(connection.stream.readable());
  connection.peer.Send("hello ");
  connection.peer.Send("world");
  ASSERT_TRUE(PumpUntil([&] {
    EXPECT_EQ(connection.ReadAll().kind, Kind::kWouldBlock);
    return connection.received.size() >= 11;
  }));
  EXPECT_EQ(connection.received, "hello world");
}

TEST_P(StreamRead, ServesManySmallReadsFromOneReceive) {
  Connection connection(*this, GetParam());
  connection.peer.Send("abcdef");
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.readable(); }));
  EXPECT_EQ(connection.Read(2).byte_count, 2u);
  EXPECT_EQ(connection.stream.buffered_byte_count(), 4u);
  char first = 0;
  std::string rest(10, '\0');
  const iovec parts[] = {{.iov_base = &first, .iov_len = 1},
                         {.iov_base = nullptr, .iov_len = 0},
                         {.iov_base = rest.data(), .iov_len = rest.size()}};
  const ReadResult result = connection.stream.Read(parts);
  EXPECT_EQ(result.byte_count, 4u);
  EXPECT_EQ(first + rest.substr(0, 3), "cdef");
}

TEST_P(StreamRead, PeekLeavesTheBytes) {
  SharedCounter counted{0};
  Connection connection(*this, GetParam(), {.total_received = &counted});
  connection.peer.Send("abc");
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.readable(); }));
  std::string seen(2, '\0');
  const iovec part{.iov_base = seen.data(), .iov_len = seen.size()};
  EXPECT_EQ(connection.stream.Peek({&part, 1}).byte_count, 2u);
  EXPECT_EQ(seen, "ab");
  EXPECT_EQ(counted, 0u);
  (void)connection.ReadAll();
  EXPECT_EQ(connection.received, "abc");
}

TEST_P(StreamRead, CountsWhatTheGuestHasRead) {
  SharedCounter session{0};
  SharedCounter total{0};
  Connection connection(*this, GetParam(),
                        {.session_received = &session, .total_received = &total});
  connection.peer.Send("abcdef");
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.readable(); }));
  EXPECT_EQ(session, 0u);
  EXPECT_EQ(connection.Read(4).byte_count, 4u);
  EXPECT_EQ(session, 4u);
  EXPECT_EQ(total, 4u);
}

TEST_P(StreamRead, HoldsNoBufferWhileIdle) {
  Connection connection(*this, GetParam());
  EXPECT_EQ(connection.Read().kind, Kind::kWouldBlock);
  EXPECT_EQ(buffer_byte_count_, 0u);
  connection.peer.Send("abc");
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.readable(); }));
  EXPECT_EQ(buffer_byte_count_, BufferPool::kBufferByteCount);
  EXPECT_EQ(connection.ReadAll().kind, Kind::kWouldBlock);
  EXPECT_EQ(buffer_byte_count_, 0u);
}

TEST_P(StreamRead, WakesItsOwnerForData) {
  Connection connection(*this, GetParam());
  Pump();
  EXPECT_FALSE(connection.stream.readable());
  const int before = wake_count();
  connection.peer.Send("x");
  EXPECT_TRUE(PumpUntil([&] { return wake_count() > before; }));
}

TEST_P(StreamRead, CarriesMoreThanAnyBuffer) {
  const std::string sent = Pattern(5'000'000);
  Connection connection(*this, GetParam());
  size_t sent_byte_count = 0;
  ASSERT_TRUE(PumpUntil([&] {
    sent_byte_count += connection.peer.Send(std::string_view(sent).substr(sent_byte_count));
    EXPECT_EQ(connection.ReadAll().kind, Kind::kWouldBlock);
    return connection.received.size() >= sent.size();
  }));
  EXPECT_TRUE(connection.received == sent);
}

TEST_P(StreamRead, EndsAtOnceAfterShutdownRead) {
  Connection connection(*this, GetParam());
  connection.peer.Send("abc");
  ASSERT_TRUE(PumpUntil([&] { return connection.stream.readable(); }));
  connection.stream.ShutdownRead();
  EXPECT_EQ(connection.Read().kind, Kind::kEndOfStream);
  EXPECT_EQ(buffer_byte_count_, 0u);
  EXPECT_EQ(connection.Write("still"), 0);
}

TEST_P(StreamRead, SeesAResetByThePeerAfterTheData) {
  Connection connection(*this, GetParam());
  // What the peer leaves unread turns its close into a reset, also on Unix sockets.
  ASSERT_EQ(connection.Write("unread"), 0);
  connection.stream.Flush();
  connection.peer.Send("last words");
  connection.peer.Close();
  ReadResult result;
  ASSERT_TRUE(PumpUntil([&] {
    result = connection.ReadAll();
    return result.kind != Kind::kWouldBlock;
  }));
  EXPECT_EQ(connection.received, "last words");
  EXPECT_EQ(result.kind, Kind::kError);
  EXPECT_EQ(result.error, ECONNRESET);
  EXPECT_EQ(connection.Read().error, ECONNRESET) << "an error stays";
  EXPECT_EQ(connection.stream.error(), ECONNRESET);
  EXPECT_EQ(connection.Write("x"), ECONNRESET);
}

TEST_P(StreamRead, ReportsAnErrorThatASendFoundAfterTheData) {
  Connection connection(*this, GetParam());
  ASSERT_EQ(connection.Write("unread"), 0);
  connection.stream.Flush();
  connection.peer.Send("last words");
  connection.peer.Close();
  int error = 0;
  ASSERT_TRUE(PumpUntil([&] {
    error = connection.Write("more");
    connection.stream.Flush();
    return error != 0;
  }));
  EXPECT_EQ(connection.stream.queued_byte_count(), 0u);
  const ReadResult result = connection.ReadAll();
  EXPECT_EQ(connection.received, "last words");
  EXPECT_EQ(result.kind, Kind::kError);
  EXPECT_EQ(result.error, ECONNRESET);
}

TEST_P(StreamRead, APlainEndStaysOneWhenSendsFailLater) {
  Connection connection(*this, GetParam());
  connection.peer.Send("bye");
  connection.peer.Close();
  ASSERT_TRUE(PumpUntil([&] {
    const int error = connection.Write("to nobody");
    connection.stream.Flush();
    return error != 0;
  }));
  EXPECT_EQ(connection.stream.error(), EPIPE);
  EXPECT_EQ(connection.ReadAll().kind, Kind::kEndOfStream);
  EXPECT_EQ(connection.received, "bye");
}

INSTANTIATE_TEST_SUITE_P(All, StreamRead, testing::Values(SocketKind::kUnix, SocketKind::kTcp),
                         KindName);

TEST(Stream, IsBrokenWhereTheSocketCannotBeWatched) {
  StreamFixture fixture;
  Stream stream(fixture.io_, UniqueFd(), *fixture.owner_, {});
  EXPECT_EQ(stream.error(), ENOMEM);
  char byte = 0;
  const iovec part{.iov_base = &byte, .iov_len = 1};
  EXPECT_EQ(stream.Read({&part, 1}).kind, Kind::kError);
  EXPECT_EQ(stream.Write({&part, 1}), ENOMEM);
  stream.Close(std::chrono::seconds(1), kNoDeadline);
  EXPECT_TRUE(stream.closed());
}

// What a peer may do between two looks at the stream.
enum class Act { kData, kUrgent, kDataWithDescriptor, kEnd, kReset };

struct Script {
  const char* name;
  SocketKind kind;
  std::vector<Act> acts;
  std::string received;
  Kind end;
};

const Script kScripts[] = {
    {"UnixEnd", SocketKind::kUnix, {Act::kData, Act::kData, Act::kEnd}, "abab", Kind::kEndOfStream},
    {"TcpEnd", SocketKind::kTcp, {Act::kData, Act::kData, Act::kEnd}, "abab", Kind::kEndOfStream},
    {"TcpEndOnly", SocketKind::kTcp, {Act::kEnd}, "", Kind::kEndOfStream},
    {"TcpReset", SocketKind::kTcp, {Act::kData, Act::kData, Act::kReset}, "abab", Kind::kError},
    {"TcpEndThenReset",
     SocketKind::kTcp,
     {Act::kData, Act::kEnd, Act::kReset},
     "ab",
     Kind::kEndOfStream},
    {"TcpUrgent",
     SocketKind::kTcp,
     {Act::kData, Act::kUrgent, Act::kData},
     "abab",
     Kind::kWouldBlock},
    {"UnixDescriptor",
     SocketKind::kUnix,
     {Act::kDataWithDescriptor, Act::kData, Act::kData},
     "ababab",
     Kind::kWouldBlock},
};

// Peer's acts interleaved with everything that the stream's side may do in each gap. Whatever the
// order, waiting for events alone must then lead to all of the data and the end.
class StreamInterleaving : public testing::TestWithParam<Script>, protected StreamFixture {
 protected:
  static constexpr int kGapChoiceCount = 5;

  static void Do(Act act, Peer& peer) {
    switch (act) {
      case Act::kData:
        peer.Send("ab");
        break;
      case Act::kUrgent:
        peer.Send("!", MSG_OOB);
        break;
      case Act::kDataWithDescriptor:
        peer.SendWithDescriptor("ab");
        break;
      case Act::kEnd:
        peer.ShutdownWrite();
        break;
      case Act::kReset:
        peer.Reset();
        break;
    }
  }

  void Look(int choice, Connection& connection) {
    if (choice == 1 || choice == 4) Pump();
    if (choice == 2 || choice == 4) (void)connection.Read();
    if (choice == 3) (void)connection.stream.readable();
  }

  // Reads only what the stream calls readable, and waits for nothing but its events.
  bool ReadToTheEnd(Connection& connection) {
    const Script& script = GetParam();
    for (;;) {
      while (connection.stream.readable()) {
        if (const Kind kind = connection.Read(1).kind; kind != Kind::kBytes) {
          return kind == script.end;
        }
      }
      if (script.end == Kind::kWouldBlock && connection.received == script.received) return true;
      const MonotonicTime give_up = Clock::System().Now() + std::chrono::seconds(20);
      Pump(give_up);
      if (Clock::System().Now() >= give_up) return false;
    }
  }
};

TEST_P(StreamInterleaving, LosesNothingAndNeverHangs) {
  const Script& script = GetParam();
  int combination_count = 1;
  for (size_t i = 0; i <= script.acts.size(); ++i) combination_count *= kGapChoiceCount;
  for (int combination = 0; combination < combination_count; ++combination) {
    Connection connection(*this, script.kind);
    int choices = combination;
    for (const Act act : script.acts) {
      Look(choices % kGapChoiceCount, connection);
      choices /= kGapChoiceCount;
      Do(act, connection.peer);
    }
    Look(choices, connection);
    ASSERT_TRUE(ReadToTheEnd(connection)) << "combination " << combination;
    ASSERT_EQ(connection.received, script.received) << "combination " << combination;
  }
  EXPECT_EQ(buffer_byte_count_, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, StreamInterleaving, testing::ValuesIn(kScripts),
                         [](const auto& script) { return std::string(script.param.name); });

}  // namespace
}  // namespace penstock
