// How a transport is, as its entry in the status table says it.
#include <utility>

#include "server/app/transport_actor.h"

namespace penstock::app {

using domain::TransportState;

void TransportActor::SetCondition(std::optional<domain::Condition>& condition,
                                  std::string_view type, bool status, std::string_view reason,
                                  std::string_view message) {
  const bool transition = !condition || condition->status != status;
  const WallTime time = transition ? env_.clock.WallNow() : condition->last_transition_time;
  condition = domain::Condition{.type = std::string(type),
                                .status = status,
                                .reason = std::string(reason),
                                .message = std::string(message),
                                .last_transition_time = time};
}

bool TransportActor::IsInForce(const Input& input) const {
  if (draining_ || retry_ != nullptr || input.module == nullptr) return false;
  return actual_.load == ActualTransport::Load::kLoaded &&
         actual_.revision == input.transport->revision &&
         actual_.module_sha256 == input.module->sha256 && actual_.port_saved &&
         listener_ != nullptr && actual_.listen == Desired(input).listen;
}

void TransportActor::Publish(const Input& input) {
  if (input.transport == nullptr) return env_.stats.SetConverged(name_, false);
  const domain::Transport& transport = *input.transport;
  const bool in_force = transport.enabled ? IsInForce(input) : actual_.uid.empty();
  if (in_force) {
    observed_revision_ = transport.revision;
    failing_ = false;
    failure_count_ = 0;
  }
  const bool converged = in_force && (transport.enabled || actual_.session_count == 0);
  env_.stats.SetConverged(name_, converged);
  if (transport.enabled && input.module == nullptr) {
    failing_ = true;
    SetCondition(module_loaded_, "ModuleLoaded", false, "ModuleNotFound",
                 "there is no " + transport.module.ToString());
  }
  env_.statuses.Set(name_, transport.uid, Status(input), input.store_revision);
}

domain::TransportStatus TransportActor::Status(const Input& input) const {
  domain::TransportStatus status;
  status.observed_revision = observed_revision_;
  if (!input.transport->enabled) {
    status.state = actual_.session_count > 0 ? TransportState::kStopping : TransportState::kStopped;
    return status;
  }
  if (draining_) {
    status.state = TransportState::kStopping;
  } else if (failing_) {
    status.state = TransportState::kFailed;
  } else {
    status.state = listener_ != nullptr ? TransportState::kActive : TransportState::kStarting;
  }
  if (module_loaded_) status.conditions.push_back(*module_loaded_);
  if (address_bound_) status.conditions.push_back(*address_bound_);
  if (listener_ != nullptr) status.bound_address = listener_->bound_address().ToString();
  status.module_sha256 = actual_.module_sha256;
  return status;
}

}  // namespace penstock::app
