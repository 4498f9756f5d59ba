#include "runtime/wasi/stream_set.h"

#include <gtest/gtest.h>

#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

class StreamSetTest : public FakeGuest {
 protected:
  // What a session does at its end.
  bool WaitAllClosed() {
    return PumpUntil([this] {
      streams_->Tick(clock_.Now());
      return streams_->all_closed();
    });
  }
};

TEST_F(StreamSetTest, ClosedDescriptorStillDeliversEverything) {
  auto [fd, peer] = OpenSocket();
  const std::string block(60'000, 'w');
  for (int i = 0; i < 30; ++i) ASSERT_EQ(Write(fd, block), Errno::kSuccess);
  EXPECT_EQ(Call("fd_close", fd), Errno::kSuccess);
  EXPECT_FALSE(streams_->all_closed());
  EXPECT_NE(streams_->next_deadline(), kNoDeadline);
  ASSERT_TRUE(PumpUntil([&, &end = peer] { return !end.Receive(); }));
  EXPECT_EQ(peer.received().size(), 30 * block.size());
  EXPECT_EQ(peer.error(), 0);
  peer.Close();
  EXPECT_TRUE(WaitAllClosed());
  EXPECT_EQ(streams_->next_deadline(), kNoDeadline);
}

TEST_F(StreamSetTest, PeerThatNeverReadsIsCutAfterTheDrainTime) {
  auto [fd, peer] = OpenSocket();
  const std::string block(60'000, 'w');
  for (int i = 0; i < 30; ++i) ASSERT_EQ(Write(fd, block), Errno::kSuccess);
  streams_->CloseAll();
  Pump();
  streams_->Tick(clock_.Now());
  EXPECT_EQ(streams_->count(), 1u);
  clock_.Advance(kCloseDrainMax);
  streams_->Tick(clock_.Now());
  EXPECT_TRUE(streams_->all_closed());
}

TEST_F(StreamSetTest, PeerThatNeverEndsIsLeftAfterTheLinger) {
  auto [fd, peer] = OpenSocket();
  EXPECT_EQ(Write(fd, "bye"), Errno::kSuccess);
  streams_->CloseAll();
  Pump();
  ASSERT_FALSE(streams_->all_closed());
  clock_.Advance(kCloseLinger);
  streams_->Tick(clock_.Now());
  EXPECT_TRUE(streams_->all_closed());
  EXPECT_FALSE(peer.Receive());
  EXPECT_EQ(peer.received(), "bye");
}

TEST_F(StreamSetTest, ResetAllEndsWhatIsOpenAndWhatIsClosing) {
  auto [open, open_peer] = OpenSocket();
  auto [closing, closing_peer] = OpenSocket();
  EXPECT_EQ(Write(closing, std::string(1'000, 'w')), Errno::kSuccess);
  EXPECT_EQ(Call("fd_close", closing), Errno::kSuccess);
  EXPECT_EQ(streams_->count(), 2u);
  streams_->ResetAll();
  EXPECT_TRUE(streams_->all_closed());
  EXPECT_FALSE(open_peer.Receive());
  std::string text;
  EXPECT_EQ(Read(open, 1), Errno::kSuccess);  // the number is still the guest's; nothing comes
  EXPECT_EQ(At<uint32_t>(kOut), 0u);
}

TEST_F(StreamSetTest, StreamIsNotHeldBackByItself) {
  auto [fd, peer] = OpenSocket();
  Stream* const stream = last_stream_;
  const std::string block(60'000, 'w');
  for (int i = 0; i < 40; ++i) ASSERT_EQ(Write(fd, block), Errno::kSuccess);
  EXPECT_TRUE(stream->over_high_water());
  EXPECT_FALSE(streams_->HeldBack(*stream));
}

}  // namespace
}  // namespace penstock::wasi
