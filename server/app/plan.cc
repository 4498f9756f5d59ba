#include "server/app/plan.h"

namespace penstock::app {
namespace {

using Load = ActualTransport::Load;

void TearDown(const ActualTransport& actual, std::vector<Action>& plan) {
  if (!actual.listen.empty()) plan.push_back(Action::kCloseListener);
  if (actual.uid.empty()) return;
  plan.push_back(Action::kWithdraw);
  plan.push_back(Action::kStopSessions);
}

}  // namespace

std::vector<Action> MakePlan(const DesiredTransport* desired, const ActualTransport& actual) {
  std::vector<Action> plan;
  // A transport that was deleted and made again shares nothing with the one before but its name.
  const bool replaced = desired != nullptr && !actual.uid.empty() && actual.uid != desired->uid;
  if (desired == nullptr || !desired->enabled || replaced) TearDown(actual, plan);
  if (desired == nullptr) {
    if (actual.session_count == 0) plan.push_back(Action::kForget);
    return plan;
  }
  if (!desired->enabled || desired->module_sha256.empty()) return plan;

  const bool current = !replaced && actual.uid == desired->uid &&
                       actual.revision == desired->revision &&
                       actual.module_sha256 == desired->module_sha256;
  if (!current || actual.load == Load::kNone || actual.load == Load::kFailed) {
    plan.push_back(Action::kLoad);
    return plan;
  }
  if (actual.load == Load::kLoading) return plan;
  if (actual.listen != desired->listen) {
    plan.push_back(Action::kListen);
  } else if (!actual.port_saved) {
    plan.push_back(Action::kSavePort);
  }
  return plan;
}

}  // namespace penstock::app
