#include "server/app/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/app/testing/fixture.h"

namespace penstock::app {
namespace {

using domain::TransportState;
using testing::ElementsAre;
using testing::IsEmpty;
using Strings = std::vector<std::string>;

class ReconcilerTest : public AppFixture {
 protected:
  ReconcilerTest() {
    Upload("m");
    Restart();
  }
  void Restart() {
    reconciler_.reset();
    reconciler_.emplace(Reconciler::Dependencies{.store = store_,
                                                 .blobs = *blobs_,
                                                 .pool = pool_,
                                                 .listeners = listeners_,
                                                 .registry = registry_,
                                                 .loop = loop_,
                                                 .clock = clock_,
                                                 .statuses = statuses_});
    reconciler_->Start();
    loop_.Run();
  }
  TransportState StateOf(const std::string& id) { return Get(id).status.state; }
  uint64_t BeginSession(const std::string& id) {
    domain::Session session;
    session.name.transport = NameOf(id);
    session.role = domain::Role::kDialer;
    return registry_.Begin(session, {}).session_id;
  }
  static domain::Condition ConditionOf(const TransportView& view, const std::string& type) {
    for (const domain::Condition& condition : view.status.conditions) {
      if (condition.type == type) return condition;
    }
    return {};
  }
  std::optional<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, AnEnabledTransportIsLoadedThenBound) {
  EXPECT_EQ(Create("t", "tcp://127.0.0.1:80").status.state, TransportState::kStarting);
  loop_.Run();
  const TransportView view = Get("t");
  EXPECT_EQ(view.status.state, TransportState::kActive);
  EXPECT_EQ(view.status.bound_address, "tcp://127.0.0.1:80");
  EXPECT_EQ(view.status.observed_revision, view.transport.revision);
  EXPECT_TRUE(ConditionOf(view, "ModuleLoaded").status);
  EXPECT_TRUE(ConditionOf(view, "AddressBound").status);
  EXPECT_EQ(reconciler_->stats().pending_count, 0u);
  listeners_.open.at("tcp://127.0.0.1:80")(UniqueFd(), "peer");
  EXPECT_THAT(pool_.log, ElementsAre("put t", "session t"));
}

TEST_F(ReconcilerTest, NothingIsBoundBeforeTheModuleIsLoaded) {
  pool_.hold_loads = true;
  Create("t");
  loop_.Run();
  EXPECT_THAT(listeners_.open, IsEmpty());
  EXPECT_EQ(StateOf("t"), TransportState::kStarting);
  pool_.held.at(0)(absl::OkStatus());
  loop_.Run();
  EXPECT_EQ(StateOf("t"), TransportState::kActive);
}

TEST_F(ReconcilerTest, ANewConfigurationSwapsTheRevisionUnderTheSameListener) {
  Create("t");
  loop_.Run();
  listeners_.log.clear();
  pool_.log.clear();
  const int64_t revision = Update("t", "limits.sessions_max", [](auto& t) {
                             t.limits.sessions_max = 7;
                           }).transport.revision;
  EXPECT_EQ(StateOf("t"), TransportState::kActive);
  loop_.Run();
  EXPECT_THAT(listeners_.log, IsEmpty());
  EXPECT_THAT(pool_.log, ElementsAre("put t"));
  EXPECT_EQ(pool_.current.at("t")->transport.limits.sessions_max, 7u);
  EXPECT_EQ(Get("t").status.observed_revision, revision);
}

TEST_F(ReconcilerTest, ReplacedModuleBytesReachNewSessions) {
  Create("t");
  loop_.Run();
  auto request = UploadOf("m", "other bytes");
  request.replace = true;
  ASSERT_TRUE(Upload(request, "other bytes").ok());
  loop_.Run();
  EXPECT_EQ(pool_.current.at("t")->module_sha256, store::Sha256::HexOf("other bytes"));
  EXPECT_EQ(Get("t").status.module_sha256, store::Sha256::HexOf("other bytes"));
}

TEST_F(ReconcilerTest, ANewAddressIsOpenedBeforeTheOldIsClosed) {
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  listeners_.log.clear();
  Update("t", "listen", [](auto& t) { t.listen = "tcp://127.0.0.1:81"; });
  loop_.Run();
  EXPECT_THAT(listeners_.log, ElementsAre("listen tcp://127.0.0.1:81", "close tcp://127.0.0.1:80"));
}

TEST_F(ReconcilerTest, TwoTransportsCanSwapTheirAddresses) {
  Create("a", "tcp://127.0.0.1:80");
  Create("b", "tcp://127.0.0.1:81");
  loop_.Run();
  Update("a", "enabled", [](auto& t) { t.enabled = false; });
  Update("b", "listen", [](auto& t) { t.listen = "tcp://127.0.0.1:80"; });
  Update("a", "listen", [](auto& t) { t.listen = "tcp://127.0.0.1:81"; });
  Update("a", "enabled", [](auto& t) { t.enabled = true; });
  loop_.Run();
  for (int i = 0; i < 3 && loop_.timer_count() > 0; ++i) loop_.FireTimers();
  EXPECT_EQ(Get("a").status.bound_address, "tcp://127.0.0.1:81");
  EXPECT_EQ(Get("b").status.bound_address, "tcp://127.0.0.1:80");
}

TEST_F(ReconcilerTest, AnAssignedPortSurvivesARestartAndKeepsTheEtag) {
  const int64_t revision = Create("t").transport.revision;
  loop_.Run();
  const std::string bound = Get("t").status.bound_address;
  EXPECT_EQ(bound, "tcp://127.0.0.1:40000");
  EXPECT_EQ(Get("t").transport.revision, revision);
  Restart();
  EXPECT_EQ(Get("t").status.bound_address, bound);
  EXPECT_EQ(listeners_.log.back(), "listen " + bound);
}

TEST_F(ReconcilerTest, APortInUseByOthersFailsOnlyItsTransportAndIsRetried) {
  listeners_.foreign.insert("tcp://127.0.0.1:80");
  Create("t", "tcp://127.0.0.1:80");
  Create("other", "tcp://127.0.0.1:81");
  loop_.Run();
  const TransportView view = Get("t");
  EXPECT_EQ(view.status.state, TransportState::kFailed);
  EXPECT_EQ(ConditionOf(view, "AddressBound").reason, "PortInUse");
  EXPECT_EQ(StateOf("other"), TransportState::kActive);
  EXPECT_EQ(reconciler_->stats().pending_count, 1u);
  EXPECT_EQ(reconciler_->stats().failure_count, 1u);
  clock_.Advance(std::chrono::seconds(5));
  EXPECT_EQ(reconciler_->stats().lag, std::chrono::seconds(5));
  loop_.FireTimers();
  EXPECT_EQ(StateOf("t"), TransportState::kFailed);
  listeners_.foreign.clear();
  loop_.FireTimers();
  EXPECT_EQ(StateOf("t"), TransportState::kActive);
  EXPECT_EQ(reconciler_->stats().pending_count, 0u);
  EXPECT_EQ(loop_.timer_count(), 0u);
}

TEST_F(ReconcilerTest, RetriesGrowToABound) {
  listeners_.foreign.insert("tcp://127.0.0.1:80");
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  for (int i = 0; i < 40; ++i) loop_.FireTimers();
  EXPECT_LE(loop_.delays.front(), Backoff::kFirst);
  EXPECT_GE(loop_.delays.back(), Backoff::kMost / 2);
  EXPECT_LE(loop_.delays.back(), Backoff::kMost);
}

TEST_F(ReconcilerTest, AChangeIsTriedAtOnceWhateverWasWaitedFor) {
  listeners_.foreign.insert("tcp://127.0.0.1:80");
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  Update("t", "listen", [](auto& t) { t.listen = "tcp://127.0.0.1:81"; });
  loop_.Run();
  EXPECT_EQ(StateOf("t"), TransportState::kActive);
  EXPECT_EQ(loop_.timer_count(), 0u);
}

TEST_F(ReconcilerTest, AModuleThatCannotBeLoadedIsAConditionAndRetried) {
  pool_.load_status = absl::ResourceExhaustedError("no memory");
  Create("t");
  loop_.Run();
  const TransportView view = Get("t");
  EXPECT_EQ(view.status.state, TransportState::kFailed);
  EXPECT_EQ(ConditionOf(view, "ModuleLoaded").reason, "LoadFailed");
  EXPECT_EQ(ConditionOf(view, "ModuleLoaded").message, "no memory");
  EXPECT_THAT(listeners_.open, IsEmpty());
  pool_.load_status = absl::OkStatus();
  loop_.FireTimers();
  EXPECT_EQ(StateOf("t"), TransportState::kActive);
}

TEST_F(ReconcilerTest, StoppingLastsUntilTheLastSessionIsGone) {
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  const uint64_t session = BeginSession("t");
  pool_.log.clear();
  EXPECT_EQ(transports_.SetEnabled(NameOf("t"), false, "")->status.state,
            TransportState::kStopping);
  loop_.Run();
  EXPECT_THAT(pool_.log, ElementsAre("remove t", "stop t"));
  EXPECT_THAT(listeners_.open, IsEmpty());
  EXPECT_EQ(StateOf("t"), TransportState::kStopping);
  EXPECT_EQ(Get("t").status.session_count, 1u);
  registry_.End(session, EndReason::kStopped, "");
  loop_.Run();
  EXPECT_EQ(StateOf("t"), TransportState::kStopped);
  EXPECT_EQ(reconciler_->stats().pending_count, 0u);
}

TEST_F(ReconcilerTest, ADeletedTransportStopsItsSessionsAndIsForgotten) {
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  const uint64_t session = BeginSession("t");
  pool_.log.clear();
  ASSERT_TRUE(transports_.Delete(NameOf("t"), "").ok());
  loop_.Run();
  EXPECT_THAT(pool_.log, ElementsAre("remove t", "stop t"));
  EXPECT_EQ(reconciler_->stats().pending_count, 1u);
  registry_.End(session, EndReason::kStopped, "");
  loop_.Run();
  EXPECT_EQ(reconciler_->stats().pending_count, 0u);
}

TEST_F(ReconcilerTest, ATransportMadeAgainInOneGoIsAnother) {
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  pool_.log.clear();
  ASSERT_TRUE(transports_.Delete(NameOf("t"), "").ok());
  Create("t", "tcp://127.0.0.1:80");
  EXPECT_EQ(StateOf("t"), TransportState::kStarting);
  loop_.Run();
  EXPECT_THAT(pool_.log, ElementsAre("remove t", "stop t", "put t"));
  EXPECT_EQ(StateOf("t"), TransportState::kActive);
}

TEST_F(ReconcilerTest, AStoreThatCannotBeReadStopsNothingAndIsReadLater) {
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  Create("u", "tcp://127.0.0.1:81");
  store_.failure = absl::UnavailableError("disk");
  loop_.Run();
  EXPECT_TRUE(listeners_.open.contains("tcp://127.0.0.1:80"));
  EXPECT_EQ(reconciler_->stats().failure_count, 1u);
  store_.failure = absl::OkStatus();
  loop_.FireTimers();
  EXPECT_EQ(StateOf("u"), TransportState::kActive);
}

TEST_F(ReconcilerTest, DrainingClosesListenersAndLeavesSessions) {
  Create("t", "tcp://127.0.0.1:80");
  loop_.Run();
  BeginSession("t");
  pool_.log.clear();
  reconciler_->BeginDrain();
  Create("late", "tcp://127.0.0.1:81");
  loop_.Run();
  EXPECT_THAT(listeners_.open, IsEmpty());
  EXPECT_THAT(pool_.log, IsEmpty());
  EXPECT_EQ(StateOf("t"), TransportState::kStopping);
}

TEST_F(ReconcilerTest, CallbacksThatComeTooLateAreIgnored) {
  pool_.hold_loads = true;
  Create("t");
  loop_.Run();
  ASSERT_TRUE(transports_.Delete(NameOf("t"), "").ok());
  loop_.Run();
  pool_.held.at(0)(absl::OkStatus());
  loop_.Run();
  EXPECT_THAT(listeners_.open, IsEmpty());
  reconciler_.reset();
  pool_.held.at(0)(absl::OkStatus());
  loop_.Run();
}

}  // namespace
}  // namespace penstock::app
