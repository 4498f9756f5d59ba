#include "server/app/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace penstock::app {
namespace {

using Load = ActualTransport::Load;

const DesiredTransport kWanted{
    .uid = "u1", .enabled = true, .revision = 5, .module_sha256 = "aa", .listen = "tcp://a:1"};
const ActualTransport kNothing{};
const ActualTransport kRunning{.uid = "u1",
                               .load = Load::kLoaded,
                               .revision = 5,
                               .module_sha256 = "aa",
                               .listen = "tcp://a:1",
                               .port_saved = true,
                               .session_count = 3};

template <typename T, typename Change>
T With(T base, Change change) {
  change(base);
  return base;
}

struct PlanCase {
  std::string name;
  std::optional<DesiredTransport> desired;
  ActualTransport actual;
  std::vector<Action> want;
};
const std::vector<PlanCase> kPlanCases = {
    {"New", kWanted, kNothing, {Action::kLoad}},
    {"Loading",
     kWanted,
     With(kRunning,
          [](auto& a) {
            a.load = Load::kLoading;
            a.listen.clear();
          }),
     {}},
    {"LoadFailed",
     kWanted,
     With(kRunning, [](auto& a) { a.load = Load::kFailed; }),
     {Action::kLoad}},
    {"LoadedNotBound",
     kWanted,
     With(kRunning, [](auto& a) { a.listen.clear(); }),
     {Action::kListen}},
    {"PortNotSaved",
     kWanted,
     With(kRunning, [](auto& a) { a.port_saved = false; }),
     {Action::kSavePort}},
    {"AsWanted", kWanted, kRunning, {}},
    {"NewRevisionKeepsTheListener",
     With(kWanted, [](auto& d) { d.revision = 6; }),
     kRunning,
     {Action::kLoad}},
    {"NewModuleKeepsTheListener",
     With(kWanted, [](auto& d) { d.module_sha256 = "bb"; }),
     kRunning,
     {Action::kLoad}},
    {"NewAddressWaitsForTheLoad",
     With(kWanted,
          [](auto& d) {
            d.revision = 6;
            d.listen = "tcp://a:2";
          }),
     kRunning,
     {Action::kLoad}},
    {"NewAddressLoaded",
     With(kWanted, [](auto& d) { d.listen = "tcp://a:2"; }),
     kRunning,
     {Action::kListen}},
    {"ModuleMissing", With(kWanted, [](auto& d) { d.module_sha256.clear(); }), kNothing, {}},
    {"ModuleLostWhileRunning",
     With(kWanted, [](auto& d) { d.module_sha256.clear(); }),
     kRunning,
     {}},
    {"Disabled",
     With(kWanted, [](auto& d) { d.enabled = false; }),
     kRunning,
     {Action::kCloseListener, Action::kWithdraw, Action::kStopSessions}},
    {"DisabledBeforeItWasBound",
     With(kWanted, [](auto& d) { d.enabled = false; }),
     With(kRunning, [](auto& a) { a.listen.clear(); }),
     {Action::kWithdraw, Action::kStopSessions}},
    {"DisabledAndDown", With(kWanted, [](auto& d) { d.enabled = false; }), kNothing, {}},
    {"DeletedWithSessions",
     std::nullopt,
     kRunning,
     {Action::kCloseListener, Action::kWithdraw, Action::kStopSessions}},
    {"DeletedSessionsEnding",
     std::nullopt,
     With(kNothing, [](auto& a) { a.session_count = 1; }),
     {}},
    {"DeletedAndDown", std::nullopt, kNothing, {Action::kForget}},
    {"MadeAgain",
     With(kWanted, [](auto& d) { d.uid = "u2"; }),
     kRunning,
     {Action::kCloseListener, Action::kWithdraw, Action::kStopSessions, Action::kLoad}},
};
class MakePlanTest : public testing::TestWithParam<PlanCase> {};
TEST_P(MakePlanTest, IsAsExpected) {
  const PlanCase& c = GetParam();
  EXPECT_EQ(MakePlan(c.desired ? &*c.desired : nullptr, c.actual), c.want);
}
INSTANTIATE_TEST_SUITE_P(All, MakePlanTest, testing::ValuesIn(kPlanCases),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace penstock::app
