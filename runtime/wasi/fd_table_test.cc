#include "runtime/wasi/fd_table.h"

#include <gtest/gtest.h>

#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

class FdTableTest : public FakeGuest {
 protected:
  void SetUp() override { InstallStdio(fds_, log_); }
};

TEST_F(FdTableTest, GivesTheLowestFreeNumber) {
  auto [first, peer1] = OpenSocket();
  auto [second, peer2] = OpenSocket();
  EXPECT_EQ(first, Fd{3});
  EXPECT_EQ(second, Fd{4});
  EXPECT_EQ(Call("fd_close", first), Errno::kSuccess);
  EXPECT_EQ(Call("fd_close", first), Errno::kBadf);
  EXPECT_EQ(OpenSocket().first, Fd{3});
  EXPECT_EQ(Call("fd_close", 0xffff'ffff), Errno::kBadf);
}

TEST_F(FdTableTest, IsBounded) {
  while (!fds_.full()) (void)OpenSocket();
  EXPECT_EQ(fds_.open_count(), 8u);
  EXPECT_TRUE(fds_.InsertSocket(std::make_shared<StdinDescriptor>()).is(Errno::kMfile));
}

TEST_F(FdTableTest, RenumberMovesAndCloses) {
  auto [from, peer1] = OpenSocket();
  auto [to, peer2] = OpenSocket();
  EXPECT_EQ(Call("fd_renumber", from, 7), Errno::kBadf);
  EXPECT_EQ(Call("fd_renumber", from, from), Errno::kSuccess);
  ASSERT_EQ(Call("fd_renumber", from, to), Errno::kSuccess);
  EXPECT_EQ(Call("fd_close", from), Errno::kBadf);
  EXPECT_EQ(Write(to, "hello"), Errno::kSuccess);
  streams_->FlushAll();
  EXPECT_TRUE(peer1.Receive());
  EXPECT_EQ(peer1.received(), "hello");
  EXPECT_FALSE(peer2.Receive());  // closed
}

TEST_F(FdTableTest, FlagsAndRights) {
  auto [fd, peer] = OpenSocket();
  ASSERT_EQ(Call("fd_fdstat_set_flags", fd, FdFlags::kNonblock), Errno::kSuccess);
  EXPECT_EQ(Call("fd_fdstat_set_flags", fd, 32), Errno::kInval);
  ASSERT_EQ(Call("fd_fdstat_get", fd, kBuffer), Errno::kSuccess);
  const auto stat = At<FdStat>(kBuffer);
  EXPECT_EQ(stat.type, FileType::kSocketStream);
  EXPECT_EQ(stat.flags, FdFlags::kNonblock);
  EXPECT_TRUE(Has(stat.rights_base, Rights::kFdRead | Rights::kFdWrite));

  // Rights can be given up, never gained.
  EXPECT_EQ(Call("fd_fdstat_set_rights", fd, Rights::kAll, 0), Errno::kNotCapable);
  ASSERT_EQ(Call("fd_fdstat_set_rights", fd, Rights::kFdRead, 0), Errno::kSuccess);
  EXPECT_EQ(Write(fd, "x"), Errno::kNotCapable);
  EXPECT_EQ(Call("fd_fdstat_set_flags", fd, 0), Errno::kNotCapable);
}

struct UnsuitableCase {
  const char* name;
  std::vector<uint64_t> args;
  Errno want;
};

// What files can and sockets cannot, on socket 3.
TEST_F(FdTableTest, SocketsAnswerAsPosixDoes) {
  auto [fd, peer] = OpenSocket();
  ASSERT_EQ(fd, Fd{3});
  const UnsuitableCase cases[] = {
      {"fd_seek", {3, 0, 0, kOut}, Errno::kSpipe},
      {"fd_tell", {3, kOut}, Errno::kSpipe},
      {"fd_pread", {3, kVector, 0, 0, kOut}, Errno::kSpipe},
      {"fd_pwrite", {3, kVector, 0, 0, kOut}, Errno::kSpipe},
      {"fd_advise", {3, 0, 0, 0}, Errno::kSpipe},
      {"fd_allocate", {3, 0, 1}, Errno::kSpipe},
      {"fd_sync", {3}, Errno::kInval},
      {"fd_filestat_set_size", {3, 1}, Errno::kInval},
      {"fd_filestat_get", {3, kBuffer}, Errno::kSuccess},
      {"fd_prestat_get", {3, kOut}, Errno::kBadf},
      {"fd_readdir", {3, kBuffer, 100, 0, kOut}, Errno::kNotDir},
      {"path_filestat_get", {3, 0, kBuffer, 1, kOut}, Errno::kNotDir},
      {"sock_accept", {3, 0, kOut}, Errno::kInval},
      {"sock_accept", {0, 0, kOut}, Errno::kNotSock},
      {"sock_shutdown", {3, 0}, Errno::kInval},
      {"sock_shutdown", {3, 4}, Errno::kInval},
      {"sock_shutdown", {1, 2}, Errno::kNotSock},
      {"sock_send", {3, kVector, 0, 1, kOut}, Errno::kInval},
      {"sock_recv", {3, kVector, 0, 4, kOut, kOut + 4}, Errno::kInval},
      {"fd_read", {99, kVector, 0, kOut}, Errno::kBadf},
  };
  for (const UnsuitableCase& c : cases) {
    StartRow(RowOf(c.name), &*wasi_, c.args);
    ASSERT_TRUE(Finish()) << c.name;
    EXPECT_EQ(code(), c.want) << c.name;
  }
}

}  // namespace
}  // namespace penstock::wasi
