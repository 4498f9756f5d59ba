#include "server/net/connect_race.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/net/testing/fake_timers.h"

namespace penstock::net {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Connects when the test says so.
class FakeConnector final : public Connector {
 public:
  Handle Connect(const Endpoint& endpoint, Done done) override {
    const std::string text = endpoint.ToString();
    tried.push_back(text);
    auto attempt = std::make_shared<Done>(std::move(done));
    attempts_[text] = attempt;
    return attempt;
  }
  void Succeed(const std::string& text) {
    Call(text, UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)));
  }
  void Fail(const std::string& text) { Call(text, absl::UnavailableError(text + " refused")); }
  bool under_way(const std::string& text) { return !attempts_[text].expired(); }

  std::vector<std::string> tried;

 private:
  void Call(const std::string& text, absl::StatusOr<UniqueFd> result) {
    const auto attempt = attempts_[text].lock();
    ASSERT_NE(attempt, nullptr) << text;
    const Done done = *attempt;
    done(std::move(result));
  }
  std::map<std::string, std::weak_ptr<Done>> attempts_;
};

class ConnectRaceTest : public testing::Test {
 protected:
  static std::vector<Endpoint> Endpoints(const std::vector<std::string>& hosts) {
    std::vector<Endpoint> endpoints;
    for (const std::string& host : hosts) endpoints.push_back(*Endpoint::FromLiteral(host, 1));
    return endpoints;
  }
  void Make(ConnectRace::Permit permit = {}) {
    race_.emplace(connector_, timers_, std::move(permit),
                  [this](absl::StatusOr<ConnectRace::Winner> result) {
                    ASSERT_FALSE(result_.has_value()) << "called twice";
                    result_ = std::move(result);
                  });
  }
  void Start(const std::vector<std::string>& hosts) {
    Make();
    race_->Add(Endpoints(hosts));
    race_->Finish(absl::NotFoundError("none"));
  }
  std::string Winner() const {
    if (!result_.has_value()) return "nobody yet";
    return result_->ok() ? (*result_)->endpoint.ToString() : "failure";
  }

  FakeTimers timers_;
  FakeConnector connector_;
  std::optional<absl::StatusOr<ConnectRace::Winner>> result_;
  std::optional<ConnectRace> race_;
};

TEST_F(ConnectRaceTest, TriesIpv6FirstAndThenTakesTurns) {
  Start({"192.0.2.1", "192.0.2.2", "::1", "::2"});
  timers_.Advance(milliseconds(2000));
  EXPECT_THAT(connector_.tried, ElementsAre("tcp://[::1]:1", "tcp://192.0.2.1:1", "tcp://[::2]:1",
                                            "tcp://192.0.2.2:1"));
}

TEST_F(ConnectRaceTest, WaitsAQuarterOfASecondBeforeTheNextAddress) {
  Start({"::1", "192.0.2.1"});
  timers_.Advance(milliseconds(249));
  EXPECT_THAT(connector_.tried, ElementsAre("tcp://[::1]:1"));
  timers_.Advance(milliseconds(1));
  EXPECT_THAT(connector_.tried, ElementsAre("tcp://[::1]:1", "tcp://192.0.2.1:1"));
  EXPECT_TRUE(connector_.under_way("tcp://[::1]:1")) << "given up too early";
}

TEST_F(ConnectRaceTest, AFailureMovesOnAtOnce) {
  Start({"::1", "192.0.2.1", "192.0.2.2"});
  connector_.Fail("tcp://[::1]:1");
  EXPECT_EQ(connector_.tried.size(), 2u);
  timers_.Advance(milliseconds(249));
  EXPECT_EQ(connector_.tried.size(), 2u) << "the delay counts from the new attempt";
}

TEST_F(ConnectRaceTest, TheFirstConnectionWinsAndClosesTheOthers) {
  Start({"::1", "192.0.2.1", "192.0.2.2"});
  timers_.Advance(milliseconds(250));
  connector_.Succeed("tcp://192.0.2.1:1");
  EXPECT_EQ(Winner(), "tcp://192.0.2.1:1");
  EXPECT_TRUE((*result_)->socket);
  EXPECT_FALSE(connector_.under_way("tcp://[::1]:1"));
  timers_.Advance(milliseconds(1000));
  EXPECT_EQ(connector_.tried.size(), 2u);
}

TEST_F(ConnectRaceTest, ALateWinnerIsStillAWinner) {
  Start({"::1", "192.0.2.1"});
  timers_.Advance(milliseconds(250));
  connector_.Fail("tcp://192.0.2.1:1");
  EXPECT_EQ(Winner(), "nobody yet");
  connector_.Succeed("tcp://[::1]:1");
  EXPECT_EQ(Winner(), "tcp://[::1]:1");
}

TEST_F(ConnectRaceTest, FailsWhenAllHaveFailed) {
  Start({"::1", "192.0.2.1"});
  connector_.Fail("tcp://[::1]:1");
  connector_.Fail("tcp://192.0.2.1:1");
  EXPECT_EQ(Winner(), "nobody yet") << "never from within";
  timers_.Advance({});
  EXPECT_THAT(std::string(result_->status().message()),
              HasSubstr("192.0.2.1:1 refused (the last of 2 addresses)"));
}

TEST_F(ConnectRaceTest, FailsAsToldWhenThereIsNoAddress) {
  Start({});
  timers_.Advance({});
  EXPECT_TRUE(absl::IsNotFound(result_->status()));
}

TEST_F(ConnectRaceTest, TakesAddressesThatComeLater) {
  Make();
  race_->Add(Endpoints({"192.0.2.1"}));
  connector_.Fail("tcp://192.0.2.1:1");
  timers_.Advance(milliseconds(1000));
  EXPECT_EQ(Winner(), "nobody yet") << "more may come";
  race_->Add(Endpoints({"::1"}));
  race_->Finish(absl::NotFoundError("none"));
  connector_.Succeed("tcp://[::1]:1");
  EXPECT_EQ(Winner(), "tcp://[::1]:1");
}

TEST_F(ConnectRaceTest, SkipsAddressesThatAreNotPermitted) {
  Make([](const Endpoint& endpoint) {
    return endpoint.family() == AF_INET6 ? absl::PermissionDeniedError("no") : absl::OkStatus();
  });
  race_->Add(Endpoints({"::1", "192.0.2.1"}));
  race_->Finish(absl::NotFoundError("none"));
  EXPECT_THAT(connector_.tried, ElementsAre("tcp://192.0.2.1:1"));
}

TEST_F(ConnectRaceTest, NothingPermittedIsADenial) {
  Make([](const Endpoint&) { return absl::PermissionDeniedError("no"); });
  race_->Add(Endpoints({"::1", "192.0.2.1"}));
  race_->Finish(absl::NotFoundError("none"));
  timers_.Advance({});
  EXPECT_TRUE(absl::IsPermissionDenied(result_->status()));
  EXPECT_TRUE(connector_.tried.empty());
}

TEST_F(ConnectRaceTest, TriesOnlySoManyAddresses) {
  Start(std::vector<std::string>(100, "192.0.2.1"));
  timers_.Advance(std::chrono::minutes(5));
  EXPECT_EQ(connector_.tried.size(), ConnectRace::kFamilyAddressesMax);
}

TEST_F(ConnectRaceTest, DestroyingItClosesWhatIsUnderWay) {
  Start({"::1", "192.0.2.1"});
  race_.reset();
  timers_.Advance(milliseconds(1000));
  EXPECT_FALSE(connector_.under_way("tcp://[::1]:1"));
  EXPECT_EQ(connector_.tried.size(), 1u);
}

}  // namespace
}  // namespace penstock::net
