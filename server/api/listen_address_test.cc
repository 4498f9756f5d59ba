#include "server/api/listen_address.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/unique_fd.h"
#include "gtest/gtest.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

using domain::Address;

Address Tcp(const std::string& host) { return {Address::Kind::kTcp, host, 7475, {}}; }

struct HostCase {
  const char* host;
  bool local;
};

class RequireLocalTest : public ::testing::TestWithParam<HostCase> {};

TEST_P(RequireLocalTest, OnlyThisMachineMayTalkToUs) {
  const absl::Status status = RequireLocal(Tcp(GetParam().host), "api_listen");
  EXPECT_EQ(status.ok(), GetParam().local);
  EXPECT_EQ(domain::DetailOf(status).reason, GetParam().local ? "" : "ADDRESS_NOT_LOOPBACK");
}

INSTANTIATE_TEST_SUITE_P(All, RequireLocalTest,
                         ::testing::Values(HostCase{"127.0.0.1", true}, HostCase{"127.9.8.7", true},
                                           HostCase{"::1", true}, HostCase{"localhost", true},
                                           HostCase{"0.0.0.0", false}, HostCase{"::", false},
                                           HostCase{"10.0.0.1", false},
                                           HostCase{"128.0.0.1", false},
                                           HostCase{"::ffff:10.0.0.1", false},
                                           HostCase{"example.com", false},
                                           HostCase{"localhost.example.com", false}));

TEST(RequireLocal, UnixSocketsAreLocal) {
  EXPECT_TRUE(RequireLocal({Address::Kind::kUnix, {}, 0, "/run/p.sock"}, "api_listen").ok());
}

class UnixSocketTest : public ::testing::Test {
 protected:
  UnixSocketTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "listen-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = directory_ + "/p.sock";
  }
  ~UnixSocketTest() override { std::filesystem::remove_all(directory_); }

  // Binds the path, and leaves the socket behind when the descriptor is closed.
  UniqueFd Bind() const {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd.get(), 1), 0);
    return fd;
  }

  Address address() const { return {Address::Kind::kUnix, {}, 0, path_}; }

  std::string directory_;
  std::string path_;
};

TEST_F(UnixSocketTest, AStaleSocketIsRemoved) {
  Bind().Reset();
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(PrepareToListen(address()).ok());
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, ASocketInUseIsLeftAlone) {
  const UniqueFd listening = Bind();
  const absl::Status status = PrepareToListen(address());
  EXPECT_EQ(domain::DetailOf(status).reason, "ADDRESS_IN_USE");
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, AnOrdinaryFileIsLeftAlone) {
  std::ofstream(path_) << "precious";
  EXPECT_EQ(PrepareToListen(address()).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixSocketTest, APathThatIsTooLongIsRefused) {
  path_ = "/" + std::string(200, 'x');
  EXPECT_EQ(PrepareToListen(address()).code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace penstock::api
