#include "server/net/endpoint.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

#include "base/unique_fd.h"

namespace penstock::net {
namespace {

TEST(Endpoint, ReadsAndWritesLiterals) {
  EXPECT_EQ(Endpoint::FromLiteral("192.0.2.1", 443)->ToString(), "tcp://192.0.2.1:443");
  EXPECT_EQ(Endpoint::FromLiteral("2001:db8::1", 1)->ToString(), "tcp://[2001:db8::1]:1");
  EXPECT_EQ(Endpoint::FromLiteral("::1%lo", 1)->ToString(), "tcp://[::1%lo]:1");
}

TEST(Endpoint, NamesAreNoLiterals) {
  for (const char* text :
       {"", "localhost", "1.2.3", "1.2.3.4.5", "[::1]", "::1%nosuchzone", "08.1.1.1"}) {
    EXPECT_FALSE(Endpoint::FromLiteral(text, 1).has_value()) << text;
  }
}

TEST(Endpoint, ThePortCanBeChanged) {
  for (const char* text : {"192.0.2.1", "::1"}) {
    Endpoint endpoint = *Endpoint::FromLiteral(text, 0);
    endpoint.set_port(65535);
    EXPECT_EQ(endpoint.port(), 65535);
  }
}

TEST(Endpoint, UnixPathsHaveABound) {
  EXPECT_EQ(Endpoint::FromUnixPath("/run/s")->ToString(), "unix:///run/s");
  EXPECT_TRUE(Endpoint::FromUnixPath("/" + std::string(106, 'x')).ok());
  EXPECT_FALSE(Endpoint::FromUnixPath("/" + std::string(107, 'x')).ok());
  EXPECT_FALSE(Endpoint::FromUnixPath("").ok());
}

TEST(PeerAddressOf, NamesTheOwnerOfAUnixPeer) {
  std::array<int, 2> pair{};
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
  const UniqueFd a(pair[0]);
  const UniqueFd b(pair[1]);
  EXPECT_EQ(PeerAddressOf(a.get()),
            "unix:uid=" + std::to_string(getuid()) + ",pid=" + std::to_string(getpid()));
  EXPECT_EQ(PeerAddressOf(-1), "");
}

}  // namespace
}  // namespace penstock::net
