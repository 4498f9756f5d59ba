#include "runtime/wasi/host_table.h"

#include <gtest/gtest.h>

#include <set>

#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

class HostTableTest : public FakeGuest {};

TEST_F(HostTableTest, HasEveryFunctionOnce) {
  std::set<std::string_view> names;
  for (const HostFunction& row : Preview1Table()) {
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    for (int i = 0; i < row.param_count; ++i) EXPECT_FALSE(row.params[i].empty()) << row.name;
  }
  EXPECT_EQ(names.size(), 46u);
}

// Every row that has out-pointers (named "result.*"), with each outside memory in turn.
TEST_F(HostTableTest, RefusesBadOutPointersWithoutTouchingMemory) {
  const std::vector<uint8_t> before = memory_;
  for (const HostFunction& row : Preview1Table()) {
    for (int bad = 0; bad < row.param_count; ++bad) {
      if (!row.params[bad].starts_with("result.")) continue;
      std::vector<uint64_t> args(row.param_count, 0);
      args[bad] = kEnd - 1;
      // One byte fits everywhere; the smallest result has two.
      StartRow(row, &*wasi_, args);
      ASSERT_TRUE(Finish()) << row.name;
      EXPECT_EQ(code(), Errno::kFault) << row.name << " " << row.params[bad];
      EXPECT_EQ(memory_, before) << row.name;
    }
  }
}

TEST_F(HostTableTest, RefusesValuesThatDoNotFitTheirType) {
  EXPECT_EQ(Call("fd_fdstat_set_flags", 0, 0x1'0004), Errno::kInval);
  EXPECT_EQ(Call("sock_shutdown", 0, 0x101), Errno::kInval);
  EXPECT_EQ(Call("proc_raise", 0x100), Errno::kInval);
}

TEST_F(HostTableTest, ExitIsATrap) {
  Start("proc_exit", 7);
  ASSERT_TRUE(Finish());
  ASSERT_TRUE(trapped(Trap::Kind::kExit));
  EXPECT_EQ(result_->trap->exit_code, 7u);
  EXPECT_EQ(Call("proc_raise", 0), Errno::kSuccess);
  Start("proc_raise", 9);
  ASSERT_TRUE(Finish());
  EXPECT_TRUE(trapped(Trap::Kind::kExit));
}

struct Raw {
  Result<RawResult> Give(HostCall&, int32_t value) {
    if (value < 0) return Errno::kNotConn;
    return RawResult{value};
  }
};

TEST_F(HostTableTest, RawRowsReturnTheirValueOrMinusErrno) {
  static constexpr HostFunction kRow = Host<&Raw::Give>("give", {"value"});
  Raw raw;
  StartRow(kRow, &raw, {5});
  EXPECT_EQ(result_->value, 5);
  StartRow(kRow, &raw, {0xffff'ffff});
  EXPECT_EQ(result_->value, -53);
}

}  // namespace
}  // namespace penstock::wasi
