#include <gtest/gtest.h>

#include "runtime/wasi/control_pipe.h"
#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

class StreamIo : public FakeGuest {};

TEST_F(StreamIo, BlockingReadParksUntilBytesCome) {
  auto [fd, peer] = OpenSocket();
  PutBuffer(16);
  Start("fd_read", fd, kVector, 1, kOut);
  EXPECT_FALSE(done());
  peer.Send("hello");
  ASSERT_TRUE(Finish());
  EXPECT_EQ(code(), Errno::kSuccess);
  EXPECT_EQ(TextAt(kBuffer, At<uint32_t>(kOut)), "hello");
}

TEST_F(StreamIo, WhatWasWrittenLeavesBeforeAWait) {
  auto [fd, peer] = OpenSocket();
  EXPECT_EQ(Write(fd, "request"), Errno::kSuccess);
  PutBuffer(16);
  Start("fd_read", fd, kVector, 1, kOut);
  EXPECT_TRUE(peer.Receive());
  EXPECT_EQ(peer.received(), "request");
  peer.Close();
  ASSERT_TRUE(Finish());
}

TEST_F(StreamIo, NonblockingReadSaysAgainThenEnd) {
  auto [fd, peer] = OpenSocket();
  SetNonblocking(fd);
  EXPECT_EQ(Read(fd, 16), Errno::kAgain);
  peer.Send("x");
  peer.Close();
  Pump();
  std::string text;
  EXPECT_EQ(Read(fd, 16, &text), Errno::kSuccess);
  EXPECT_EQ(text, "x");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Read(fd, 16, &text), Errno::kSuccess);
    EXPECT_EQ(text, "");
  }
}

TEST_F(StreamIo, CancelEndsAWaitAsATrap) {
  auto [fd, peer] = OpenSocket();
  PutBuffer(16);
  Start("fd_read", fd, kVector, 1, kOut);
  EXPECT_FALSE(done());
  scheduler_.Cancel(*fiber_);
  Pump();
  ASSERT_TRUE(done());
  EXPECT_TRUE(trapped(Trap::Kind::kCancelled));
}

TEST_F(StreamIo, ReadChecksPointersBeforeItTakesBytes) {
  auto [fd, peer] = OpenSocket();
  peer.Send("precious");
  Pump();
  Put(kVector, IoVec{kEnd - 2, 3});
  EXPECT_EQ(Call("fd_read", fd, kVector, 1, kOut), Errno::kFault);
  EXPECT_EQ(Call("fd_read", fd, kEnd - 4, 1, kOut), Errno::kFault);
  PutBuffer(16);
  EXPECT_EQ(Call("fd_read", fd, kVector, 1, kEnd - 3), Errno::kFault);
  EXPECT_EQ(Call("fd_read", fd, kVector, 2000, kOut), Errno::kInval);
  std::string text;
  EXPECT_EQ(Read(fd, 16, &text), Errno::kSuccess);
  EXPECT_EQ(text, "precious");
}

TEST_F(StreamIo, EmptyReadsAndWritesReturnAtOnce) {
  auto [fd, peer] = OpenSocket();
  EXPECT_EQ(Read(fd, 0), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 0u);
  EXPECT_EQ(Write(fd, ""), Errno::kSuccess);
}

TEST_F(StreamIo, NonblockingWriteTakesEverything) {
  auto [fd, peer] = OpenSocket();
  SetNonblocking(fd);
  const std::string block(60'000, 'w');
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(Write(fd, block), Errno::kSuccess);
    ASSERT_EQ(At<uint32_t>(kOut), block.size());
  }
  streams_->CloseAll();
  ASSERT_TRUE(PumpUntil([&, &end = peer] { return !end.Receive(); }));
  EXPECT_EQ(peer.received().size(), 50 * block.size());
}

TEST_F(StreamIo, FullQueueMakesOthersLookEmpty) {
  auto [full, full_peer] = OpenSocket();
  auto [other, other_peer] = OpenSocket();
  SetNonblocking(other);
  SetNonblocking(full);
  other_peer.Send("later");
  full_peer.Send("now");
  Pump();
  Stream* const other_stream = last_stream_;
  while (!streams_->HeldBack(*other_stream)) {
    ASSERT_EQ(Write(full, std::string(60'000, 'w')), Errno::kSuccess);
    streams_->FlushAll();
  }
  EXPECT_EQ(Read(other, 16), Errno::kAgain);
  std::string text;
  EXPECT_EQ(Read(full, 16, &text), Errno::kSuccess);
  EXPECT_EQ(text, "now");

  // Backpressure ends as soon as the queue has drained, which wakes a reader that waits.
  ASSERT_EQ(Call("fd_fdstat_set_flags", other, 0), Errno::kSuccess);
  PutBuffer(16);
  Start("fd_read", other, kVector, 1, kOut);
  EXPECT_FALSE(done());
  ASSERT_TRUE(PumpUntil([&, &end = full_peer] {
    (void)end.Receive();
    return done();
  }));
  EXPECT_EQ(TextAt(kBuffer, At<uint32_t>(kOut)), "later");
}

TEST_F(StreamIo, WriterWaitsAtTheHardCapAndCanBeCancelled) {
  auto [fd, peer] = OpenSocket();
  SetNonblocking(fd);
  PutText(kBuffer, std::string(60'000, 'w'));
  PutBuffer(60'000);
  size_t written = 0;
  for (;;) {
    Start("fd_write", fd, kVector, 1, kOut);
    if (!done()) break;
    written += At<uint32_t>(kOut);
    ASSERT_LT(written, 2 * Stream::kHardCapByteCount);
  }
  EXPECT_GT(written, Stream::kHardCapByteCount);
  // It goes on when the peer reads.
  ASSERT_TRUE(PumpUntil([&, &end = peer] {
    (void)end.Receive();
    return done();
  }));
  EXPECT_EQ(code(), Errno::kSuccess);
  do {
    Start("fd_write", fd, kVector, 1, kOut);
  } while (done());
  scheduler_.Cancel(*fiber_);
  Pump();
  EXPECT_TRUE(trapped(Trap::Kind::kCancelled));
}

TEST_F(StreamIo, SpinningGuestLetsOthersRun) {
  auto [fd, peer] = OpenSocket();
  SetNonblocking(fd);
  PutBuffer(16);
  int others = 0;
  bool stop = false;
  scheduler_.Spawn([&] {
    for (; !stop; scheduler_.Yield()) ++others;
  });
  int others_at_end = 0;
  const uint64_t args[] = {static_cast<uint64_t>(fd), kVector, 1, kOut};
  StartTask([&] {
    for (int i = 0; i < 4 * kFruitlessCallCountMax; ++i) {
      HostCall call(*this, scheduler_);
      result_ = RowOf("fd_read").call(&*wasi_, call, args);
    }
    others_at_end = others;
    stop = true;
  });
  ASSERT_TRUE(Finish());
  EXPECT_EQ(code(), Errno::kAgain);
  EXPECT_GE(others_at_end, 3);
  EXPECT_LE(others_at_end, 6);
}

TEST_F(StreamIo, PeekAndWaitAll) {
  auto [fd, peer] = OpenSocket();
  peer.Send("abc");
  Pump();
  PutBuffer(6);
  ASSERT_EQ(Call("sock_recv", fd, kVector, 1, RiFlags::kPeek, kOut, kOut + 4), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 3u);
  EXPECT_EQ(At<uint16_t>(kOut + 4), 0u);
  Start("sock_recv", fd, kVector, 1, RiFlags::kWaitAll, kOut, kOut + 4);
  EXPECT_FALSE(done());
  peer.Send("defgh");
  ASSERT_TRUE(Finish());
  EXPECT_EQ(TextAt(kBuffer, At<uint32_t>(kOut)), "abcdef");
  // The end of the stream cuts it short.
  peer.Close();
  ASSERT_EQ(Call("sock_recv", fd, kVector, 1, RiFlags::kWaitAll, kOut, kOut + 4), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 2u);
}

TEST_F(StreamIo, ShutdownSendsFinAndLaterWritesFail) {
  auto [fd, peer] = OpenSocket();
  PutText(kBuffer, "bye");
  PutBuffer(3);
  ASSERT_EQ(Call("sock_send", fd, kVector, 1, 0, kOut), Errno::kSuccess);
  ASSERT_EQ(Call("sock_shutdown", fd, SdFlags::kWr), Errno::kSuccess);
  EXPECT_EQ(Write(fd, "x"), Errno::kPipe);
  streams_->FlushAll();
  ASSERT_TRUE(PumpUntil([&, &end = peer] { return !end.Receive(); }));
  EXPECT_EQ(peer.received(), "bye");
  peer.Send("still");
  std::string text;
  EXPECT_EQ(Read(fd, 16, &text), Errno::kSuccess);
  EXPECT_EQ(text, "still");
}

TEST_F(StreamIo, ResetIsAnErrnoAfterTheData) {
  auto ends = StreamFixture::Connect(SocketKind::kTcp);
  const Fd fd = fds_.InsertSocket(std::make_shared<StreamDescriptor>(
                                      *streams_, streams_->Open(std::move(ends.first), {})))
                    .value();
  Peer peer(std::move(ends.second));
  PutBuffer(16);
  Start("fd_read", fd, kVector, 1, kOut);
  peer.Reset();
  ASSERT_TRUE(Finish());
  EXPECT_EQ(code(), Errno::kConnReset);
}

TEST_F(StreamIo, ControlPipeIsSilentUntilExit) {
  const auto pipe = std::make_shared<ControlPipe>(scheduler_, *fiber_);
  const Fd fd = fds_.InsertSocket(pipe).value();
  SetNonblocking(fd);
  EXPECT_EQ(Read(fd, 4), Errno::kAgain);
  ASSERT_EQ(Call("fd_fdstat_set_flags", fd, 0), Errno::kSuccess);
  PutBuffer(4);
  Start("fd_read", fd, kVector, 1, kOut);
  EXPECT_FALSE(done());
  pipe->SendExit();
  ASSERT_TRUE(Finish());
  EXPECT_EQ(At<uint32_t>(kOut), 1u);
  EXPECT_EQ(TextAt(kBuffer, 2), std::string("\0?", 2));
  EXPECT_EQ(Read(fd, 4), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 0u);
}

// A source of connections that fails, or gives one end of a pair.
class FakeSource final : public StreamSource {
 public:
  explicit FakeSource(StreamSet& streams) : streams_(streams) {}
  Result<std::shared_ptr<Stream>> Connect() override {
    ++count;
    if (fails) return Errno::kNotConn;
    auto ends = StreamFixture::Connect(SocketKind::kUnix);
    peer.emplace(std::move(ends.second));
    return streams_.Open(std::move(ends.first), {});
  }
  bool fails = false;
  int count = 0;
  std::optional<Peer> peer;

 private:
  StreamSet& streams_;
};

TEST_F(StreamIo, LateConnectionComesWithTheFirstWrite) {
  FakeSource source(*streams_);
  const Fd fd = fds_.InsertSocket(std::make_shared<StreamDescriptor>(*streams_, source)).value();
  EXPECT_EQ(Call("sock_shutdown", fd, SdFlags::kWr), Errno::kNotConn);
  EXPECT_EQ(source.count, 0);
  EXPECT_EQ(Write(fd, "hi"), Errno::kSuccess);
  EXPECT_EQ(Write(fd, "!"), Errno::kSuccess);
  EXPECT_EQ(source.count, 1);
  streams_->FlushAll();
  EXPECT_TRUE(source.peer->Receive());
  EXPECT_EQ(source.peer->received(), "hi!");
}

TEST_F(StreamIo, FailedLateConnectionKeepsFailing) {
  FakeSource source(*streams_);
  source.fails = true;
  const Fd fd = fds_.InsertSocket(std::make_shared<StreamDescriptor>(*streams_, source)).value();
  EXPECT_EQ(Read(fd, 1), Errno::kNotConn);
  EXPECT_EQ(Write(fd, "x"), Errno::kNotConn);
  EXPECT_EQ(source.count, 1);
}

}  // namespace
}  // namespace penstock::wasi
