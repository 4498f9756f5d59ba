#include "server/workers/session_dials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/workers/testing/pool_fixture.h"

namespace penstock::workers {
namespace {

using ::testing::HasSubstr;

struct DialCase {
  const char* name;
  const char* command;
  const char* remote;
  std::vector<std::string> dial_allow;
  const char* want;  // what the client reads
  DialTarget target;
  DialResult result;
};

class DialTest : public ProcessPoolTest, public testing::WithParamInterface<DialCase> {};

TEST_P(DialTest, IsAnswered) {
  const DialCase& c = GetParam();
  StartReadyPool();
  auto revision = Revision("t", c.command);
  revision->transport.remote = c.remote;
  revision->transport.upstream = c.remote;
  revision->transport.dial_allow = c.dial_allow;
  ASSERT_TRUE(Put(revision).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_THAT(ReadAll(client), HasSubstr(c.want));
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(Dials(c.target, c.result), 1u);
  EXPECT_EQ(List()[0].remote_address.empty(), c.result != DialResult::kConnected);
}
INSTANTIATE_TEST_SUITE_P(
    All, DialTest,
    testing::Values(
        DialCase{"Remote",
                 "remote",
                 "tcp://ok:7",
                 {},
                 "connected",
                 DialTarget::kRemote,
                 DialResult::kConnected},
        DialCase{
            "NoRemote", "remote", "", {}, "no remote", DialTarget::kRemote, DialResult::kDenied},
        DialCase{"Upstream",
                 "upstream",
                 "unix:///ok",
                 {},
                 "no such name",
                 DialTarget::kUpstream,
                 DialResult::kResolveFailed},
        DialCase{"Allowed",
                 "dial tcp ok:443",
                 "",
                 {"ok:443"},
                 "connected",
                 DialTarget::kNamed,
                 DialResult::kConnected},
        DialCase{"OtherPort",
                 "dial tcp ok:444",
                 "",
                 {"ok:443"},
                 "dial_allow",
                 DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"NothingAllowed",
                 "dial tcp ok:443",
                 "tcp://ok:443",
                 {},
                 "dial_allow",
                 DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"BadNetwork",
                 "dial udp ok:443",
                 "",
                 {"*:*"},
                 "network",
                 DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"BadAddress",
                 "dial tcp nonsense",
                 "",
                 {"*:*"},
                 "nonsense",
                 DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"Unresolved",
                 "dial tcp4 nowhere:1",
                 "",
                 {"*:*"},
                 "no such name",
                 DialTarget::kNamed,
                 DialResult::kResolveFailed}),
    [](const auto& test) { return test.param.name; });

TEST_F(ProcessPoolTest, ADialEndsWithItsSession) {
  StartReadyPool();
  auto revision = Revision("t", "remote");
  revision->transport.remote = "tcp://hang:1";
  ASSERT_TRUE(Put(revision).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(RunUntil([this] { return !dialer_.dialed.empty(); }));
  pool_->StopSessions(Name("t"));
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(Dials(DialTarget::kRemote, DialResult::kCancelled), 1u);
}

TEST_F(ProcessPoolTest, TheModulesNetworkChoosesTheFamily) {
  StartReadyPool();
  auto revision = Revision("t", "dial tcp6 ok:1");
  revision->transport.dial_allow = {"ok:1"};
  ASSERT_TRUE(Put(revision).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_EQ(ReadAll(client), "connected");
  EXPECT_EQ(dialer_.families, net::DialOptions::Families::kV6Only);
}

}  // namespace
}  // namespace penstock::workers
