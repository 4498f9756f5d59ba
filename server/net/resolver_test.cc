#include "server/net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "server/net/testing/dns_server.h"
#include "server/net/testing/loop.h"

namespace penstock::net {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kV6 = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x07';
const std::string kV4a("\xc0\x00\x02\x01", 4);
const std::string kV4b("\xc0\x00\x02\x02", 4);

using Answer = absl::StatusOr<std::vector<Endpoint>>;

class ResolverTest : public testing::Test {
 protected:
  ResolverTest() {
    options_.servers = server_.servers();
    options_.attempts_max = 1;
    Make();
  }
  void Make() { resolver_ = *MakeResolver(io_, options_); }

  Answer Resolve(const std::string& host, IpFamily family,
                 std::chrono::nanoseconds timeout = std::chrono::seconds(20)) {
    std::optional<Answer> answer;
    const auto handle = resolver_->Resolve(
        host, 443, family, timeout, [&answer](Answer result) { answer = std::move(result); });
    EXPECT_FALSE(answer.has_value()) << "called from within";
    EXPECT_TRUE(RunUntil(io_, [&answer] { return answer.has_value(); }));
    return answer.value_or(absl::UnknownError("none"));
  }

  static std::vector<std::string> Texts(const Answer& answer) {
    std::vector<std::string> texts;
    if (!answer.ok()) return texts;
    for (const Endpoint& endpoint : *answer) texts.push_back(endpoint.ToString());
    return texts;
  }

  DnsServer server_{{{"both.test", {kV6, kV4a}},
                     {"many.test", {kV4a, kV4b}},
                     {"four.test", {kV4a}},
                     {"silent.test", {DnsServer::kSilent}}}};
  asio::io_context io_;
  ResolverOptions options_;
  std::unique_ptr<Resolver> resolver_;
};

TEST_F(ResolverTest, AnswersEachFamilyByItself) {
  EXPECT_THAT(Texts(Resolve("both.test", IpFamily::kV6)), ElementsAre("tcp://[2001:db8::7]:443"));
  EXPECT_THAT(Texts(Resolve("both.test", IpFamily::kV4)), ElementsAre("tcp://192.0.2.1:443"));
  EXPECT_EQ(Texts(Resolve("many.test", IpFamily::kV4)).size(), 2u);
}

TEST_F(ResolverTest, SaysWhatIsWrong) {
  EXPECT_TRUE(absl::IsNotFound(Resolve("absent.test", IpFamily::kV4).status()));
  EXPECT_TRUE(absl::IsNotFound(Resolve("four.test", IpFamily::kV6).status()));
  EXPECT_FALSE(Resolve(std::string(300, 'x'), IpFamily::kV4).ok());
}

TEST_F(ResolverTest, LocalhostNeedsNoServer) {
  EXPECT_THAT(Texts(Resolve("localhost", IpFamily::kV4)), ElementsAre("tcp://127.0.0.1:443"));
  EXPECT_EQ(server_.query_count(), 0);
}

TEST_F(ResolverTest, KeepsToItsDeadline) {
  const Answer answer = Resolve("silent.test", IpFamily::kV4, std::chrono::milliseconds(20));
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
}

TEST_F(ResolverTest, GivesUpOnASilentServer) {
  options_.attempt_timeout = std::chrono::milliseconds(20);
  Make();
  EXPECT_TRUE(absl::IsDeadlineExceeded(Resolve("silent.test", IpFamily::kV4).status()));
}

TEST_F(ResolverTest, RefusesMoreQueriesThanItsBound) {
  options_.queries_max = 1;
  Make();
  bool called = false;
  const auto waiting = resolver_->Resolve("silent.test", 1, IpFamily::kV4, std::chrono::hours(1),
                                          [&called](const Answer&) { called = true; });
  EXPECT_TRUE(absl::IsResourceExhausted(Resolve("four.test", IpFamily::kV4).status()));
  EXPECT_FALSE(called);
}

TEST_F(ResolverTest, AnAbandonedQueryIsNotAnswered) {
  bool called = false;
  resolver_
      ->Resolve("four.test", 1, IpFamily::kV4, std::chrono::hours(1),
                [&called](const Answer&) { called = true; })
      .reset();
  EXPECT_TRUE(Resolve("both.test", IpFamily::kV4).ok());
  EXPECT_FALSE(called);
}

TEST_F(ResolverTest, MayBeDestroyedWithQueriesUnderWay) {
  const auto handle = resolver_->Resolve("silent.test", 1, IpFamily::kV4, std::chrono::hours(1),
                                         [](const Answer&) {});
  resolver_.reset();
}

TEST_F(ResolverTest, ResolvesBothFamiliesAtOnceWhileBlocking) {
  const Answer answer = ResolveNow("both.test", 80, std::chrono::seconds(20), options_);
  EXPECT_THAT(Texts(answer),
              testing::UnorderedElementsAre("tcp://[2001:db8::7]:80", "tcp://192.0.2.1:80"));
}

TEST_F(ResolverTest, BlocksNoLongerThanAsked) {
  const Answer answer = ResolveNow("silent.test", 80, std::chrono::milliseconds(20), options_);
  EXPECT_TRUE(absl::IsDeadlineExceeded(answer.status())) << answer.status();
}

TEST_F(ResolverTest, RefusesServersThatAreNoAddresses) {
  options_.servers = "not a server";
  EXPECT_FALSE(MakeResolver(io_, options_).ok());
}

}  // namespace
}  // namespace penstock::net
