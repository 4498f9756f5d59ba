#include <gtest/gtest.h>

#include "runtime/wasi/control_pipe.h"
#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

using std::chrono::milliseconds;

constexpr uint32_t kIn = 1024;
constexpr uint32_t kEvents = 8192;

Subscription ReadOf(Fd fd, uint64_t userdata = 1) {
  Subscription subscription{};
  subscription.userdata = userdata;
  subscription.type = EventType::kFdRead;
  subscription.fd = fd;
  return subscription;
}

Subscription WriteOf(Fd fd, uint64_t userdata = 2) {
  Subscription subscription = ReadOf(fd, userdata);
  subscription.type = EventType::kFdWrite;
  return subscription;
}

Subscription ClockOf(ClockId id, uint64_t timeout_ns, SubClockFlags flags, uint64_t userdata = 3) {
  Subscription subscription{};
  subscription.userdata = userdata;
  subscription.type = EventType::kClock;
  subscription.clock_id = id;
  subscription.timeout = timeout_ns;
  subscription.clock_flags = flags;
  return subscription;
}

class Poll : public FakeGuest {
 protected:
  void StartPoll(const std::vector<Subscription>& subscriptions) {
    for (uint32_t i = 0; i < subscriptions.size(); ++i) {
      Put(kIn + i * 48, subscriptions[i]);
    }
    Start("poll_oneoff", kIn, kEvents, subscriptions.size(), kOut);
  }
  // The events of a poll that is done.
  std::vector<Event> Events() {
    EXPECT_TRUE(done());
    EXPECT_EQ(code(), Errno::kSuccess);
    std::vector<Event> events(At<uint32_t>(kOut));
    for (uint32_t i = 0; i < events.size(); ++i) events[i] = At<Event>(kEvents + i * 32);
    return events;
  }
};

TEST_F(Poll, RefusesBadRequests) {
  Put(kIn, ClockOf(ClockId::kProcessCpuTime, 0, SubClockFlags::kNone));
  Put(kIn + 48, ClockOf(ClockId{9}, 0, SubClockFlags::kNone));
  Subscription unknown = ReadOf(Fd{3});
  unknown.type = EventType{3};
  Put(kIn + 96, unknown);
  Put(kIn + 144, ClockOf(ClockId::kMonotonic, 0, static_cast<SubClockFlags>(2)));
  EXPECT_EQ(Call("poll_oneoff", kIn, kEvents, 0, kOut), Errno::kInval);
  EXPECT_EQ(Call("poll_oneoff", kIn, kEvents, kSubscriptionCountMax + 1, kOut), Errno::kInval);
  EXPECT_EQ(Call("poll_oneoff", kIn, kEvents, 0x1000'0001, kOut), Errno::kInval);
  for (uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(Call("poll_oneoff", kIn + i * 48, kEvents, 1, kOut), Errno::kInval) << i;
  }
  EXPECT_EQ(Call("poll_oneoff", kEnd - 47, kEvents, 1, kOut), Errno::kFault);
  EXPECT_EQ(Call("poll_oneoff", kIn, kEnd - 31, 1, kOut), Errno::kFault);
}

struct ClockCase {
  const char* name;
  ClockId id;
  SubClockFlags flags;
};
constexpr ClockCase kClocks[] = {
    {"MonotonicRelative", ClockId::kMonotonic, SubClockFlags::kNone},
    {"MonotonicAbsolute", ClockId::kMonotonic, SubClockFlags::kAbstime},
    {"RealtimeRelative", ClockId::kRealtime, SubClockFlags::kNone},
    {"RealtimeAbsolute", ClockId::kRealtime, SubClockFlags::kAbstime},
};

TEST_F(Poll, ClocksFireInTimeAndNotBefore) {
  constexpr uint64_t kTimeout_ns = 5'000'000;
  for (const ClockCase& c : kClocks) {
    const auto now_ns = static_cast<uint64_t>(clock_.Now().time_since_epoch().count());
    const uint64_t base_ns = Has(c.flags, SubClockFlags::kAbstime) ? now_ns : 0;
    StartPoll({ClockOf(c.id, base_ns + kTimeout_ns, c.flags, 77)});
    EXPECT_FALSE(done()) << c.name;
    clock_.Advance(milliseconds(4));
    scheduler_.RunReady();
    EXPECT_FALSE(done()) << c.name;
    clock_.Advance(milliseconds(1));
    scheduler_.RunReady();
    ASSERT_TRUE(done()) << c.name;
    const auto events = Events();
    ASSERT_EQ(events.size(), 1u) << c.name;
    EXPECT_EQ(events[0].userdata, 77u);
    EXPECT_EQ(events[0].type, EventType::kClock);
  }
}

TEST_F(Poll, PastTimesFireAtOnceAndEndlessOnesNever) {
  clock_.Advance(milliseconds(5));
  for (const ClockCase& c : kClocks) {
    StartPoll({ClockOf(c.id, 0, c.flags)});
    EXPECT_EQ(Events().size(), 1u) << c.name;
  }
  auto [fd, peer] = OpenSocket();
  for (const ClockCase& c : kClocks) {
    StartPoll({ClockOf(c.id, UINT64_MAX, c.flags), ReadOf(fd)});
    EXPECT_FALSE(done()) << c.name;
    peer.Send("x");
    ASSERT_TRUE(Finish()) << c.name;
    EXPECT_EQ(Events().size(), 1u);
    EXPECT_EQ(Read(fd, 4), Errno::kSuccess);
  }
}

TEST_F(Poll, WaitsForTheFirstOfSeveralDescriptors) {
  auto [first, first_peer] = OpenSocket();
  auto [second, second_peer] = OpenSocket();
  const auto pipe = std::make_shared<ControlPipe>(scheduler_, *fiber_);
  const Fd control = fds_.InsertSocket(pipe).value();
  StartPoll({ReadOf(control, 10), ReadOf(first, 11), ReadOf(second, 12)});
  EXPECT_FALSE(done());
  second_peer.Send("abc");
  ASSERT_TRUE(Finish());
  auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].userdata, 12u);
  EXPECT_EQ(events[0].byte_count, 3u);
  EXPECT_EQ(events[0].flags, EventRwFlags::kNone);

  EXPECT_EQ(Read(second, 3), Errno::kSuccess);
  StartPoll({ReadOf(control, 10), ReadOf(first, 11), ReadOf(second, 12)});
  EXPECT_FALSE(done());
  pipe->SendExit();
  Pump();
  events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].userdata, 10u);
}

TEST_F(Poll, WakesOnCancelWithoutAClock) {
  auto [fd, peer] = OpenSocket();
  StartPoll({ReadOf(fd)});
  EXPECT_FALSE(done());
  scheduler_.Cancel(*fiber_);
  Pump();
  EXPECT_TRUE(trapped(Trap::Kind::kCancelled));
}

TEST_F(Poll, EndOfStreamIsASuccessfulEvent) {
  auto [fd, peer] = OpenSocket();
  StartPoll({ReadOf(fd)});
  peer.Close();
  ASSERT_TRUE(Finish());
  const auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].error, 0);
  EXPECT_EQ(events[0].flags, EventRwFlags::kHangup);
}

TEST_F(Poll, UnknownDescriptorsAreErrorEvents) {
  StartPoll({ReadOf(Fd{44}, 5)});
  const auto events = Events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].userdata, 5u);
  EXPECT_EQ(events[0].error, static_cast<uint16_t>(Errno::kBadf));
}

TEST_F(Poll, EventsMayOverlapSubscriptions) {
  for (uint32_t i = 0; i < 4; ++i) Put(kIn + i * 48, ReadOf(Fd{44 + i}, 100 + i));
  ASSERT_EQ(Call("poll_oneoff", kIn, kIn, 4, kOut), Errno::kSuccess);
  for (uint32_t i = 0; i < 4; ++i) EXPECT_EQ(At<Event>(kIn + i * 32).userdata, 100 + i);
}

TEST_F(Poll, WritableIsToldOnceSoThatNobodySpins) {
  auto [fd, peer] = OpenSocket();
  StartPoll({ReadOf(fd), WriteOf(fd)});
  ASSERT_EQ(Events().size(), 1u);
  EXPECT_EQ(Events()[0].type, EventType::kFdWrite);
  StartPoll({ReadOf(fd), WriteOf(fd)});
  EXPECT_FALSE(done());
  // A guest that has forgotten the answer hears it again.
  clock_.Advance(kWritableRepeatFirst);
  scheduler_.RunReady();
  ASSERT_TRUE(done());
  // And after a write it is news.
  EXPECT_EQ(Write(fd, "x"), Errno::kSuccess);
  StartPoll({ReadOf(fd), WriteOf(fd)});
  EXPECT_TRUE(done());
}

TEST_F(Poll, PollForWritingAloneIsAlwaysAnswered) {
  auto [fd, peer] = OpenSocket();
  for (int i = 0; i < 3; ++i) {
    StartPoll({WriteOf(fd)});
    EXPECT_EQ(Events().size(), 1u);
  }
}

TEST_F(Poll, FullQueueIsNotWritableAndHidesOtherReaders) {
  auto [full, full_peer] = OpenSocket();
  auto [other, other_peer] = OpenSocket();
  other_peer.Send("waiting");
  Pump();
  Stream* const other_stream = last_stream_;
  while (!streams_->HeldBack(*other_stream)) {
    ASSERT_EQ(Write(full, std::string(60'000, 'w')), Errno::kSuccess);
    streams_->FlushAll();
  }
  StartPoll({WriteOf(full, 1), ReadOf(other, 2)});
  EXPECT_FALSE(done());
  ASSERT_TRUE(PumpUntil([&, &end = full_peer] {
    (void)end.Receive();
    return done();
  }));
  EXPECT_GE(Events().size(), 1u);
}

TEST_F(Poll, SpinningPollsLetOthersRun) {
  int others = 0;
  bool stop = false;
  scheduler_.Spawn([&] {
    for (; !stop; scheduler_.Yield()) ++others;
  });
  Put(kIn, ClockOf(ClockId::kMonotonic, 0, SubClockFlags::kNone));
  const uint64_t args[] = {kIn, kEvents, 1, kOut};
  int others_at_end = 0;
  StartTask([&] {
    for (int i = 0; i < 3 * kFruitlessCallCountMax; ++i) {
      HostCall call(*this, scheduler_);
      result_ = RowOf("poll_oneoff").call(&*wasi_, call, args);
    }
    others_at_end = others;
    stop = true;
  });
  ASSERT_TRUE(Finish());
  EXPECT_GE(others_at_end, 2);
}

}  // namespace
}  // namespace penstock::wasi
