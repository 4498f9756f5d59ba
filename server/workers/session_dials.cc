#include "server/workers/session_dials.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "base/status.h"

namespace penstock::workers {
namespace {

DialTarget TargetOf(pb::DialRequest::Target target) {
  switch (target) {
    case pb::DialRequest::TARGET_NAMED:
      return DialTarget::kNamed;
    case pb::DialRequest::TARGET_UPSTREAM:
      return DialTarget::kUpstream;
    default:
      return DialTarget::kRemote;
  }
}

DialResult ResultOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return DialResult::kConnected;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kInvalidArgument:
      return DialResult::kDenied;
    case absl::StatusCode::kNotFound:
      return DialResult::kResolveFailed;
    case absl::StatusCode::kDeadlineExceeded:
      return DialResult::kTimeout;
    default:
      return DialResult::kFailed;
  }
}

absl::StatusOr<net::DialOptions::Families> FamiliesOf(const std::string& network) {
  if (network == "tcp") return net::DialOptions::Families::kAny;
  if (network == "tcp4") return net::DialOptions::Families::kV4Only;
  if (network == "tcp6") return net::DialOptions::Families::kV6Only;
  return absl::InvalidArgumentError("network is not tcp, tcp4 or tcp6");
}

}  // namespace

SessionDials::~SessionDials() {
  for (const auto& [dial_id, dial] : dials_) Count(dial.target, DialResult::kCancelled);
}

absl::Status SessionDials::Start(const pb::DialRequest& request) {
  if (dials_.size() >= kSessionDialsMax) {
    return absl::InvalidArgumentError(
        fmt::format("more than {} dials of one session at once", kSessionDialsMax));
  }
  const uint32_t dial_id = request.dial_id();
  if (dials_.contains(dial_id)) return absl::InvalidArgumentError("dial_id is in use");
  const DialTarget target = TargetOf(request.target());
  absl::StatusOr<Plan> plan = PlanOf(request);
  if (!plan.ok()) {
    Count(target, ResultOf(plan.status()));
    answer_(dial_id, plan.status());
    return absl::OkStatus();
  }
  dials_[dial_id] = {.target = target,
                     .handle = tools_.dialer.Dial(plan->address, std::move(plan->options),
                                                  [this, dial_id, target](auto outcome) {
                                                    OnDialed(dial_id, target, std::move(outcome));
                                                  })};
  return absl::OkStatus();
}

absl::StatusOr<SessionDials::Plan> SessionDials::PlanOf(const pb::DialRequest& request) const {
  if (request.target() == pb::DialRequest::TARGET_NAMED) return PlanNamed(request);
  const bool is_remote = request.target() == pb::DialRequest::TARGET_REMOTE;
  const std::optional<domain::Address>& address = is_remote ? route_->remote : route_->upstream;
  if (!address.has_value()) {
    return absl::PermissionDeniedError(
        fmt::format("the transport has no {} address", is_remote ? "remote" : "upstream"));
  }
  net::DialOptions options;
  options.timeout = tools_.timeout;
  return Plan{.address = *address, .options = std::move(options)};
}

absl::StatusOr<SessionDials::Plan> SessionDials::PlanNamed(const pb::DialRequest& request) const {
  ASSIGN_OR_RETURN(const auto families, FamiliesOf(request.network()));
  ASSIGN_OR_RETURN(domain::Address address,
                   domain::Address::Parse("tcp://" + request.address(), "address"));
  RETURN_IF_ERROR(tools_.egress.CheckNamed(route_->dial_allow, address.host, address.port));
  net::DialOptions options;
  options.timeout = tools_.timeout;
  options.families = families;
  options.permit = [&egress = tools_.egress](const net::Endpoint& endpoint) {
    return egress.CheckResolved(endpoint);
  };
  return Plan{.address = std::move(address), .options = std::move(options)};
}

void SessionDials::OnDialed(uint32_t dial_id, DialTarget target,
                            absl::StatusOr<net::DialOutcome> outcome) {
  // Kept until the end of this function, which it called.
  const auto dial = dials_.extract(dial_id);
  Count(target, ResultOf(outcome.status()));
  if (outcome.ok()) {
    if (outcome->resolve_time.count() > 0) {
      tools_.stats.resolve_time.Observe(outcome->resolve_time);
    }
    tools_.stats.connect_time.Observe(outcome->connect_time);
  }
  answer_(dial_id, std::move(outcome));
}

void SessionDials::Count(DialTarget target, DialResult result) {
  ++tools_.stats.dial_count[static_cast<size_t>(target)][static_cast<size_t>(result)];
}

}  // namespace penstock::workers
