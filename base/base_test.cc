#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>

#include "base/end_reason.h"
#include "base/seqpacket.h"
#include "base/shared_counters.h"
#include "base/status.h"

namespace penstock {
namespace {

TEST(SeqpacketSocket, CarriesBytesAndDescriptors) {
  auto pair = SeqpacketSocket::Pair();
  ASSERT_TRUE(pair.ok()) << pair.status();
  auto memfd = SealedMemfd("test", "module bytes");
  ASSERT_TRUE(memfd.ok()) << memfd.status();
  Packet packet{.bytes = "hello", .fds = {}};
  packet.fds.push_back(*std::move(memfd));
  ASSERT_TRUE(pair->first.Send(std::move(packet)).ok());

  auto received = pair->second.Receive();
  ASSERT_TRUE(received.ok()) << received.status();
  ASSERT_TRUE(received->has_value());
  EXPECT_EQ((*received)->bytes, "hello");
  ASSERT_EQ((*received)->fds.size(), 1u);
  EXPECT_NE(fcntl((*received)->fds[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(*ReadSealedMemfd((*received)->fds[0].get(), 100), "module bytes");
}

TEST(SeqpacketSocket, QueuesInOrderWhileThePeerDoesNotRead) {
  auto pair = SeqpacketSocket::Pair();
  ASSERT_TRUE(pair.ok());
  int sent = 0;
  while (!pair->first.wants_write()) {
    ASSERT_TRUE(pair->first.Send({.bytes = std::to_string(sent++), .fds = {}}).ok());
  }
  for (int expected = 0; expected < sent; ++expected) {
    auto received = pair->second.Receive();
    ASSERT_TRUE(received.ok());
    ASSERT_TRUE(received->has_value());
    EXPECT_EQ((*received)->bytes, std::to_string(expected));
    ASSERT_TRUE(pair->first.Flush().ok());
  }
  EXPECT_FALSE(pair->first.wants_write());
}

TEST(SeqpacketSocket, BoundsItsQueue) {
  auto pair = SeqpacketSocket::Pair();
  ASSERT_TRUE(pair.ok());
  absl::Status status;
  for (size_t i = 0; status.ok() && i < 10 * SeqpacketSocket::kQueueMax; ++i) {
    status = pair->first.Send({.bytes = "x", .fds = {}});
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

TEST(SeqpacketSocket, RefusesWhatThePeerCouldNotReceive) {
  auto pair = SeqpacketSocket::Pair();
  ASSERT_TRUE(pair.ok());
  EXPECT_EQ(pair->first.Send({.bytes = std::string(kPacketBytesMax + 1, 'x'), .fds = {}}).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(SeqpacketSocket, ReportsTheEndOfTheConnection) {
  auto pair = SeqpacketSocket::Pair();
  ASSERT_TRUE(pair.ok());
  pair->first.TakeFd().Reset();
  EXPECT_EQ(pair->second.Receive().status().code(), absl::StatusCode::kUnavailable);
}

TEST(SealedMemfd, RefusesWhatItsSenderCouldStillChange) {
  const UniqueFd open_fd(memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(ReadSealedMemfd(open_fd.get(), 100).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST(SealedMemfd, RefusesMoreThanWasAskedFor) {
  auto fd = SealedMemfd("test", "four");
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(ReadSealedMemfd(fd->get(), 3).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(SharedCounters, AreSeenThroughBothMappings) {
  auto owner = SharedCounters::Create();
  ASSERT_TRUE(owner.ok()) << owner.status();
  auto worker = SharedCounters::Attach(UniqueFd(dup(owner->fd())));
  ASSERT_TRUE(worker.ok()) << worker.status();
  (*worker)->host_call_count += 7;
  EXPECT_EQ((*owner)->host_call_count, 7u);
  EXPECT_EQ(ftruncate(worker->fd(), 0), -1);
}

TEST(SharedCounters, RefuseAnotherLayout) {
  UniqueFd fd(memfd_create("test", MFD_CLOEXEC));
  EXPECT_EQ(SharedCounters::Attach(std::move(fd)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(EndReason, NamesEveryValue) {
  EXPECT_EQ(EndReasonName(EndReason::kCompleted), "completed");
  EXPECT_EQ(EndReasonName(EndReason::kWorkerLost), "worker_lost");
}

absl::StatusOr<int> Fails() { return absl::AbortedError("no"); }
absl::Status UsesBoth(bool first) {
  if (first) RETURN_IF_ERROR(Fails());
  ASSIGN_OR_RETURN(const int value, Fails());
  return value == 0 ? absl::OkStatus() : absl::UnknownError("unreachable");
}

TEST(StatusMacros, ReturnTheErrorTheyMet) {
  EXPECT_EQ(UsesBoth(true).code(), absl::StatusCode::kAborted);
  EXPECT_EQ(UsesBoth(false).code(), absl::StatusCode::kAborted);
}

}  // namespace
}  // namespace penstock
