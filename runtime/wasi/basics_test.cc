#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

using testing::ElementsAre;

class Basics : public FakeGuest {};

TEST_F(Basics, ArgumentsAndEnvironment) {
  ASSERT_EQ(Call("args_sizes_get", 0, 4), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(0), 2u);
  EXPECT_EQ(At<uint32_t>(4), 15u);
  ASSERT_EQ(Call("args_get", 16, 100), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(16), 100u);
  EXPECT_EQ(At<uint32_t>(20), 112u);
  EXPECT_EQ(TextAt(100, 15), std::string("module.wasm\0-v\0", 15));
  ASSERT_EQ(Call("environ_sizes_get", 0, 4), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(4), 4u);
  EXPECT_EQ(Call("environ_get", 16, kEnd - 4), Errno::kSuccess);
  EXPECT_EQ(TextAt(kEnd - 4, 4), std::string("A=b\0", 4));
  EXPECT_EQ(Call("environ_get", 16, kEnd - 3), Errno::kFault);
}

struct ClockCase {
  const char* name;
  uint32_t id;
  uint32_t out;
  Errno want;
};
constexpr ClockCase kClockCases[] = {
    {"Realtime", 0, 16, Errno::kSuccess},
    {"Monotonic", 1, 16, Errno::kSuccess},
    {"ExactFitAtEnd", 1, FakeGuest::kEnd - 8, Errno::kSuccess},
    {"LastByteOutside", 1, FakeGuest::kEnd - 7, Errno::kFault},
    {"OffsetWouldWrap", 1, 0xffff'fff8, Errno::kFault},
    {"CpuTime", 2, 16, Errno::kInval},
    {"Unknown", 9, 16, Errno::kInval},
};

TEST_F(Basics, ClocksWriteEightBytesOrNothing) {
  clock_.Advance(std::chrono::nanoseconds(42));
  for (const ClockCase& c : kClockCases) {
    memory_.assign(kEnd, '?');
    EXPECT_EQ(Call("clock_time_get", c.id, 1000, c.out), c.want) << c.name;
    const auto touched = std::ranges::count_if(memory_, [](uint8_t byte) { return byte != '?'; });
    EXPECT_EQ(touched, c.want == Errno::kSuccess ? 8 : 0) << c.name;
    if (c.want == Errno::kSuccess) {
      EXPECT_EQ(At<uint64_t>(c.out), 42u) << c.name;
    }
    EXPECT_EQ(Call("clock_res_get", c.id, c.out), c.want) << c.name;
  }
}

TEST_F(Basics, RandomFillsExactlyItsBuffer) {
  ASSERT_EQ(Call("random_get", 100, 64), Errno::kSuccess);
  EXPECT_NE(TextAt(100, 64), std::string(64, '?'));
  EXPECT_EQ(TextAt(164, 8), "????????");
  EXPECT_EQ(TextAt(92, 8), "????????");
  EXPECT_EQ(Call("random_get", kEnd - 3, 4), Errno::kFault);
  EXPECT_EQ(Call("random_get", kEnd, 0), Errno::kSuccess);
}

TEST_F(Basics, OutputIsCutIntoLines) {
  InstallStdio(fds_, log_);
  EXPECT_EQ(Write(Fd{1}, "one\ntwo\n\nthr"), Errno::kSuccess);
  EXPECT_THAT(log_.out, ElementsAre("one", "two", ""));
  EXPECT_EQ(Write(Fd{1}, "ee\n"), Errno::kSuccess);
  EXPECT_EQ(log_.out.back(), "three");
  EXPECT_EQ(Write(Fd{2}, "last words"), Errno::kSuccess);
  EXPECT_TRUE(log_.err.empty());
  EXPECT_EQ(Call("fd_close", 2), Errno::kSuccess);
  EXPECT_THAT(log_.err, ElementsAre("last words"));
}

TEST_F(Basics, LongLinesGoOutInPieces) {
  InstallStdio(fds_, log_);
  EXPECT_EQ(Write(Fd{1}, std::string(2 * kLogLineByteCountMax + 1, 'x') + "\n"), Errno::kSuccess);
  ASSERT_EQ(log_.out.size(), 3u);
  EXPECT_EQ(log_.out[0].size(), kLogLineByteCountMax);
  EXPECT_EQ(log_.out[2], "x");
  log_.out.clear();
  EXPECT_EQ(Write(Fd{1}, std::string(kLogLineByteCountMax, 'y') + "\n"), Errno::kSuccess);
  EXPECT_EQ(log_.out.size(), 1u);
}

TEST_F(Basics, StdinIsAtItsEnd) {
  InstallStdio(fds_, log_);
  EXPECT_EQ(Read(Fd{0}, 10), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 0u);
  EXPECT_EQ(Write(Fd{0}, "x"), Errno::kNotCapable);
  EXPECT_EQ(Read(Fd{1}, 10), Errno::kNotCapable);
  EXPECT_EQ(Call("fd_seek", 0, 0, 0, kOut), Errno::kSpipe);
}

TEST_F(Basics, YieldLetsOthersRunAndNoticesCancellation) {
  EXPECT_EQ(Call("sched_yield"), Errno::kSuccess);
  StartTask([this] {
    scheduler_.Cancel(*fiber_);
    HostCall call(*this, scheduler_);
    result_ = RowOf("sched_yield").call(&*wasi_, call, nullptr);
  });
  EXPECT_TRUE(trapped(Trap::Kind::kCancelled));
}

}  // namespace
}  // namespace penstock::wasi
