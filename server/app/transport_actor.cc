#include "server/app/transport_actor.h"

#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "server/domain/address.h"
#include "server/domain/error.h"
#include "server/store/codec.h"
#include "server/store/keys.h"

namespace penstock::app {
namespace {

constexpr std::string_view kModuleLoaded = "ModuleLoaded";
constexpr std::string_view kAddressBound = "AddressBound";

// More steps than any plan takes; a plan that does not end would otherwise hold the loop.
constexpr int kStepsMax = 8;

// "PORT_IN_USE" as a condition writes it: "PortInUse".
std::string ConditionReason(const absl::Status& status, std::string_view otherwise) {
  const std::string reason = domain::DetailOf(status).reason;
  if (reason.empty()) return std::string(otherwise);
  std::string text;
  bool upper = true;
  for (const char c : reason) {
    if (c != '_') text += upper || c < 'A' || c > 'Z' ? c : static_cast<char>(c - 'A' + 'a');
    upper = c == '_';
  }
  return text;
}

bool WantsAnyPort(const domain::Address& address) {
  return address.kind == domain::Address::Kind::kTcp && address.port == 0;
}

}  // namespace

DesiredTransport TransportActor::Desired(const Input& input) const {
  const domain::Transport& transport = *input.transport;
  DesiredTransport desired{.uid = transport.uid,
                           .enabled = transport.enabled,
                           .revision = transport.revision,
                           .module_sha256 = input.module ? input.module->sha256 : std::string(),
                           .listen = transport.listen};
  auto address = domain::Address::Parse(transport.listen, "transport.listen");
  if (!address.ok()) return desired;
  if (WantsAnyPort(*address)) {
    address->port = input.assigned_port != 0 ? input.assigned_port : assigned_port_;
  }
  desired.listen = address->ToString();
  return desired;
}

bool TransportActor::Run(const Input& input, Cause cause) {
  env_.stats.CountRun();
  if (cause != Cause::kProgress) retry_.reset();
  if (cause == Cause::kChanged) {
    failing_ = false;
    failure_count_ = 0;
  }
  // What runs goes on until the process ends; only stopping still happens.
  if (draining_ && input.transport != nullptr && input.transport->enabled) {
    Publish(input);
    return true;
  }
  for (int step = 0; step < kStepsMax && retry_ == nullptr; ++step) {
    actual_.session_count = env_.registry.CountLive(name_);
    // Read anew in each step: a step before may have been given a port.
    std::optional<DesiredTransport> desired;
    if (input.transport != nullptr) desired = Desired(input);
    const std::vector<Action> plan = MakePlan(desired ? &*desired : nullptr, actual_);
    if (plan.empty()) break;
    for (const Action action : plan) {
      if (action == Action::kForget) {
        env_.statuses.Erase(name_);
        env_.stats.SetConverged(name_, true);
        return false;
      }
      // Only what is wanted can fail, so there is something desired.
      const absl::Status status = Execute(action, input, desired ? *desired : DesiredTransport{});
      if (status.ok()) continue;
      Retry(status);
      break;
    }
  }
  Publish(input);
  return true;
}

absl::Status TransportActor::Execute(Action action, const Input& input,
                                     const DesiredTransport& desired) {
  switch (action) {
    case Action::kCloseListener:
      CloseListener();
      return absl::OkStatus();
    case Action::kWithdraw:
      Withdraw();
      return absl::OkStatus();
    case Action::kStopSessions:
      env_.pool.StopSessions(name_);
      return absl::OkStatus();
    case Action::kLoad:
      return Load(input);
    case Action::kListen:
      return Listen(input, desired);
    case Action::kSavePort:
      return SavePort(input);
    case Action::kForget:
      break;
  }
  return absl::OkStatus();
}

absl::Status TransportActor::Load(const Input& input) {
  if (!module_loaded_) {
    SetCondition(module_loaded_, kModuleLoaded, false, "Loading", "");
    SetCondition(address_bound_, kAddressBound, false, "WaitingForModule", "");
  }
  auto bytes = env_.modules.Load(input.module->sha256);
  if (!bytes.ok()) {
    failing_ = true;
    SetCondition(module_loaded_, kModuleLoaded, false, "ModuleUnreadable",
                 MessageOf(bytes.status()));
    return bytes.status();
  }
  auto revision = std::make_shared<workers::TransportRevision>();
  revision->transport = *input.transport;
  revision->module_sha256 = input.module->sha256;
  revision->module_fd = *std::move(bytes);
  actual_.uid = input.transport->uid;
  actual_.load = ActualTransport::Load::kLoading;
  actual_.revision = input.transport->revision;
  actual_.module_sha256 = input.module->sha256;
  // Taken up from the loop, since the pool may answer from within Put().
  env_.pool.Put(std::move(revision), [weak = weak_from_this(), &loop = env_.loop,
                                      load_id = ++load_id_](absl::Status status) {
    loop.Post([weak, load_id, status = std::move(status)] {
      if (const auto self = weak.lock()) self->Loaded(load_id, status);
    });
  });
  return absl::OkStatus();
}

void TransportActor::Loaded(uint64_t load_id, const absl::Status& status) {
  // An answer that was overtaken by another load, or by the transport's end.
  if (load_id != load_id_ || actual_.load != ActualTransport::Load::kLoading) return;
  if (status.ok()) {
    actual_.load = ActualTransport::Load::kLoaded;
    SetCondition(module_loaded_, kModuleLoaded, true, "Loaded", "");
  } else {
    actual_.load = ActualTransport::Load::kFailed;
    failing_ = true;
    SetCondition(module_loaded_, kModuleLoaded, false, ConditionReason(status, "LoadFailed"),
                 MessageOf(status));
    Retry(status);
  }
  again_(Cause::kProgress);
}

absl::Status TransportActor::Listen(const Input& input, const DesiredTransport& desired) {
  auto address = domain::Address::Parse(desired.listen, "transport.listen");
  if (!address.ok()) return address.status();
  auto listener = Bind(*address);
  if (!listener.ok() && listener_ != nullptr) {
    // The old address may be what is in the way, ours or another transport's that waits for it.
    CloseListener();
    listener = Bind(*address);
  }
  if (!listener.ok()) {
    failing_ = true;
    SetCondition(address_bound_, kAddressBound, false,
                 ConditionReason(listener.status(), "BindFailed"), MessageOf(listener.status()));
    return listener.status();
  }
  listener_ = *std::move(listener);
  if (WantsAnyPort(*address)) {
    address->port = assigned_port_ = listener_->bound_address().port;
  }
  actual_.listen = address->ToString();
  actual_.port_saved = assigned_port_ == 0 || assigned_port_ == input.assigned_port;
  SetCondition(address_bound_, kAddressBound, true, "Bound", "");
  log::Info("transport accepts connections", {{"tenant", name_.tenant},
                                              {"transport", name_.transport},
                                              {"address", listener_->bound_address().ToString()}});
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<net::Listener>> TransportActor::Bind(
    const domain::Address& address) {
  return env_.listeners.Listen(
      address, [&pool = env_.pool, name = name_](UniqueFd socket, std::string peer_address) {
        // Counted by the pool; the peer sees its connection closed.
        const absl::Status status = pool.StartSession(name, std::move(socket), peer_address);
        if (status.ok()) return;
        log::Debug(
            "connection refused",
            {{"tenant", name.tenant}, {"transport", name.transport}, {"error", MessageOf(status)}});
      });
}

absl::Status TransportActor::SavePort(const Input& input) {
  const auto revision =
      env_.store.Commit({{store::KeyOf(name_), input.transport->revision}},
                        {store::Put{store::PortKey(name_), store::EncodePort(assigned_port_)}});
  RETURN_IF_ERROR(revision);
  actual_.port_saved = true;
  return absl::OkStatus();
}

void TransportActor::CloseListener() {
  listener_.reset();
  actual_.listen.clear();
  actual_.port_saved = true;
  assigned_port_ = 0;
}

void TransportActor::Withdraw() {
  env_.pool.Remove(name_);
  actual_ = ActualTransport{};
  module_loaded_.reset();
  address_bound_.reset();
}

void TransportActor::Retry(const absl::Status& status) {
  env_.stats.CountFailure();
  ++failure_count_;
  log::Warning(
      "transport is not as asked; it is retried",
      {{"tenant", name_.tenant}, {"transport", name_.transport}, {"error", MessageOf(status)}});
  retry_ = env_.loop.After(env_.backoff.After(failure_count_), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->again_(Cause::kRetry);
  });
}

void TransportActor::Drain(const Input& input) {
  if (listener_ != nullptr) {
    CloseListener();
    SetCondition(address_bound_, kAddressBound, false, "Draining", "the server is shutting down");
  }
  draining_ = true;
  retry_.reset();
  if (input.transport != nullptr) Publish(input);
}

}  // namespace penstock::app
