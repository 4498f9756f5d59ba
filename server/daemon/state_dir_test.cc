#include "server/daemon/state_dir.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/status.h"
#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace penstock::daemon {
namespace {

using ::testing::HasSubstr;

class StateDirTest : public ::testing::Test {
 protected:
  StateDirTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "state-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~StateDirTest() override { std::filesystem::remove_all(directory_); }

  std::string directory_;
};

TEST_F(StateDirTest, IsMadeForThisUserAlone) {
  const std::string path = directory_ + "/a/b";
  const auto state_dir = StateDir::Open(path);
  ASSERT_TRUE(state_dir.ok()) << state_dir.status();
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
}

TEST_F(StateDirTest, HasOneOwnerAtATime) {
  auto first = StateDir::Open(directory_);
  ASSERT_TRUE(first.ok());
  const auto second = StateDir::Open(directory_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(MessageOf(second.status())),
              HasSubstr(fmt::format("process {}", ::getpid())));
  first = absl::UnknownError("given up");
  EXPECT_TRUE(StateDir::Open(directory_).ok());
}

TEST_F(StateDirTest, SaysWhereItCannotBe) {
  const auto state_dir = StateDir::Open("/proc/penstock");
  EXPECT_FALSE(state_dir.ok());
  EXPECT_THAT(std::string(MessageOf(state_dir.status())), HasSubstr("/proc/penstock"));
}

}  // namespace
}  // namespace penstock::daemon
