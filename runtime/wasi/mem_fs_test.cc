#include "runtime/wasi/mem_fs.h"

#include <gtest/gtest.h>

#include "runtime/wasi/fake_guest.h"

namespace penstock::wasi {
namespace {

constexpr Rights kReads = Rights::kFdRead | Rights::kFdSeek | Rights::kFdTell |
                          Rights::kFdFilestatGet | Rights::kFdReaddir;

class MemFs : public FakeGuest {
 protected:
  void SetUp() override {
    InstallStdio(fds_, log_);
    const auto tree = MakeMemTree({{"watm.cfg", "key = value\n"}, {"certs/ca.pem", "PEM"}}, 99);
    conf_ = InstallPreopen(fds_, tree, "/conf/").value();
  }
  Errno Open(std::string_view path, OFlags flags = OFlags::kNone, Rights rights = kReads) {
    PutText(kBuffer, path);
    return Call("path_open", conf_, 0, kBuffer, path.size(), flags, rights, kReads, 0, kOut);
  }
  Fd opened() { return At<Fd>(kOut); }

  Fd conf_{};
};

TEST_F(MemFs, PreopenSaysItsName) {
  EXPECT_EQ(conf_, Fd{3});
  ASSERT_EQ(Call("fd_prestat_get", conf_, kOut), Errno::kSuccess);
  EXPECT_EQ(At<Prestat>(kOut).type, PreopenType::kDir);
  EXPECT_EQ(At<Prestat>(kOut).name_len, 6u);
  ASSERT_EQ(Call("fd_prestat_dir_name", conf_, kBuffer, 6), Errno::kSuccess);
  EXPECT_EQ(TextAt(kBuffer, 7), "/conf/?");
  EXPECT_EQ(Call("fd_prestat_dir_name", conf_, kBuffer, 5), Errno::kNameTooLong);
  EXPECT_EQ(Call("fd_prestat_get", 4, kOut), Errno::kBadf);
}

TEST_F(MemFs, ReadsSeeksAndTells) {
  ASSERT_EQ(Open("watm.cfg"), Errno::kSuccess);
  const Fd fd = opened();
  std::string text;
  EXPECT_EQ(Read(fd, 3, &text), Errno::kSuccess);
  EXPECT_EQ(text, "key");
  ASSERT_EQ(Call("fd_tell", fd, kOut), Errno::kSuccess);
  EXPECT_EQ(At<uint64_t>(kOut), 3u);
  ASSERT_EQ(Call("fd_seek", fd, -6, Whence::kEnd, kOut), Errno::kSuccess);
  EXPECT_EQ(At<uint64_t>(kOut), 6u);
  EXPECT_EQ(Read(fd, 100, &text), Errno::kSuccess);
  EXPECT_EQ(text, "value\n");
  EXPECT_EQ(Read(fd, 100, &text), Errno::kSuccess);
  EXPECT_EQ(text, "");
  PutBuffer(5);
  ASSERT_EQ(Call("fd_pread", fd, kVector, 1, 6, kOut), Errno::kSuccess);
  EXPECT_EQ(TextAt(kBuffer, 5), "value");
  EXPECT_EQ(Call("fd_pread", fd, kVector, 1, UINT64_MAX, kOut), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 0u);
  EXPECT_EQ(Call("fd_seek", fd, -1, Whence::kSet, kOut), Errno::kInval);
  EXPECT_EQ(Call("fd_seek", fd, INT64_MIN, Whence::kCur, kOut), Errno::kInval);
  EXPECT_EQ(Call("fd_seek", fd, INT64_MAX, Whence::kEnd, kOut), Errno::kInval);
  EXPECT_EQ(Call("fd_seek", fd, 0, 3, kOut), Errno::kInval);
}

TEST_F(MemFs, StatsFilesAndDirectories) {
  PutText(kBuffer, "watm.cfg");
  ASSERT_EQ(Call("path_filestat_get", conf_, 0, kBuffer, 8, 512), Errno::kSuccess);
  const auto stat = At<FileStat>(512);
  EXPECT_EQ(stat.type, FileType::kRegularFile);
  EXPECT_EQ(stat.size, 12u);
  EXPECT_EQ(stat.mtim, 99u);
  ASSERT_EQ(Call("fd_filestat_get", conf_, 512), Errno::kSuccess);
  EXPECT_EQ(At<FileStat>(512).type, FileType::kDirectory);
  EXPECT_NE(At<FileStat>(512).ino, stat.ino);
}

struct PathCase {
  const char* path;
  Errno want;
};

TEST_F(MemFs, ResolvesPathsWithinTheDirectory) {
  const PathCase cases[] = {
      {"watm.cfg", Errno::kSuccess},
      {"./certs//ca.pem", Errno::kSuccess},
      {"certs/../watm.cfg", Errno::kSuccess},
      {".", Errno::kSuccess},
      {"certs/", Errno::kSuccess},
      {"missing", Errno::kNoEnt},
      {"", Errno::kNoEnt},
      {"watm.cfg/", Errno::kNotDir},
      {"watm.cfg/x", Errno::kNotDir},
      {"watm.cfg/..", Errno::kNotDir},
      {"..", Errno::kNotCapable},
      {"certs/../../watm.cfg", Errno::kNotCapable},
      {"/etc/passwd", Errno::kNotCapable},
      {"/conf/watm.cfg", Errno::kNotCapable},
      {"bad\xff", Errno::kIlseq},
  };
  for (const PathCase& c : cases) {
    EXPECT_EQ(Open(c.path), c.want) << c.path;
    if (c.want == Errno::kSuccess) (void)fds_.Close(opened());
  }
  EXPECT_EQ(Open(std::string(256, 'n')), Errno::kNameTooLong);
  EXPECT_EQ(Open(std::string(5000, 'n')), Errno::kNameTooLong);
  EXPECT_EQ(Open(std::string_view("a\0b", 3)), Errno::kInval);
  EXPECT_EQ(Call("path_open", conf_, 0, kEnd - 2, 3, 0, kReads, 0, 0, kOut), Errno::kFault);
}

TEST_F(MemFs, RefusesChanges) {
  EXPECT_EQ(Open("new", OFlags::kCreat), Errno::kRofs);
  EXPECT_EQ(Open("watm.cfg", OFlags::kTrunc), Errno::kRofs);
  EXPECT_EQ(Open("watm.cfg", OFlags::kCreat | OFlags::kExcl), Errno::kExist);
  EXPECT_EQ(Open("watm.cfg", OFlags::kNone, Rights::kFdWrite), Errno::kRofs);
  EXPECT_EQ(Open("watm.cfg", OFlags::kDirectory), Errno::kNotDir);
  EXPECT_EQ(Open("watm.cfg", OFlags::kCreat), Errno::kSuccess);  // it exists already
  const Fd file = opened();
  EXPECT_EQ(Write(file, "x"), Errno::kNotCapable);
  PutText(kBuffer, "watm.cfg");
  EXPECT_EQ(Call("path_unlink_file", conf_, kBuffer, 8), Errno::kRofs);
  EXPECT_EQ(Call("path_create_directory", conf_, kBuffer, 4), Errno::kRofs);
  EXPECT_EQ(Call("path_remove_directory", conf_, kBuffer, 4), Errno::kRofs);
  EXPECT_EQ(Call("path_rename", conf_, kBuffer, 8, conf_, kBuffer, 4), Errno::kRofs);
  EXPECT_EQ(Call("path_link", conf_, 0, kBuffer, 8, conf_, kBuffer, 4), Errno::kRofs);
  EXPECT_EQ(Call("path_symlink", kBuffer, 8, conf_, kBuffer, 4), Errno::kRofs);
  EXPECT_EQ(Call("path_filestat_set_times", conf_, 0, kBuffer, 8, 0, 0, 0), Errno::kRofs);
  EXPECT_EQ(Call("path_readlink", conf_, kBuffer, 8, kBuffer, 8, kOut), Errno::kInval);
  EXPECT_EQ(Call("fd_filestat_set_times", file, 0, 0, 0), Errno::kRofs);
  EXPECT_EQ(Call("fd_filestat_set_size", file, 0), Errno::kNotCapable);
  EXPECT_EQ(Call("path_unlink_file", conf_, kEnd, 1), Errno::kFault);
  EXPECT_EQ(Call("path_unlink_file", 1, kBuffer, 1), Errno::kNotDir);
}

TEST_F(MemFs, GrantsOnlyTheRightsThatWereAskedFor) {
  ASSERT_EQ(Open("watm.cfg", OFlags::kNone, Rights::kFdTell), Errno::kSuccess);
  const Fd fd = opened();
  EXPECT_EQ(Read(fd, 1), Errno::kNotCapable);
  EXPECT_EQ(Call("fd_seek", fd, 0, Whence::kCur, kOut), Errno::kSuccess);
  EXPECT_EQ(Call("fd_seek", fd, 1, Whence::kCur, kOut), Errno::kNotCapable);
}

TEST_F(MemFs, ListsWithCookies) {
  std::string names;
  uint64_t cookie = 0;
  for (int i = 0; i < 10; ++i) {
    // Room for one entry and a bit: the next one is cut short.
    ASSERT_EQ(Call("fd_readdir", conf_, kBuffer, 40, cookie, kOut), Errno::kSuccess);
    if (At<uint32_t>(kOut) < sizeof(Dirent)) break;
    const auto entry = At<Dirent>(kBuffer);
    names += TextAt(kBuffer + sizeof(Dirent), entry.namlen) + " ";
    cookie = entry.next;
  }
  EXPECT_EQ(names, ". .. certs watm.cfg ");
  EXPECT_EQ(Call("fd_readdir", conf_, kBuffer, 40, UINT64_MAX, kOut), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 0u);
  ASSERT_EQ(Call("fd_readdir", conf_, kBuffer, 10, 0, kOut), Errno::kSuccess);
  EXPECT_EQ(At<uint32_t>(kOut), 10u);
  EXPECT_EQ(Read(conf_, 4), Errno::kNotCapable);
}

}  // namespace
}  // namespace penstock::wasi
