#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "base/clock.h"
#include "server/app/backoff.h"
#include "server/app/control_loop.h"
#include "server/app/module_bytes.h"
#include "server/app/plan.h"
#include "server/app/reconcile_stats.h"
#include "server/app/transport_status_table.h"
#include "server/domain/resources.h"
#include "server/net/listener.h"
#include "server/store/state_store.h"
#include "server/workers/session_registry.h"
#include "server/workers/worker_pool.h"

namespace penstock::app {

// What transports are made to happen with. All borrowed.
struct Environment {
  store::StateStore& store;
  workers::WorkerPool& pool;
  net::ListenerFactory& listeners;
  workers::SessionRegistry& registry;
  ControlLoop& loop;
  const Clock& clock;
  TransportStatusTable& statuses;
  ModuleBytes& modules;
  ReconcileStats& stats;
  Backoff& backoff;
};

// Carries out the plan of one transport: owns its listener, tells the workers, retries what
// failed, and says in the status table how it is.
//
// Threads: the control loop's.
class TransportActor final : public std::enable_shared_from_this<TransportActor> {
 public:
  // What was asked, as it is now. Borrowed for the call.
  struct Input {
    const domain::Transport* transport = nullptr;  // null: deleted
    const domain::Module* module = nullptr;        // null: there is none
    uint16_t assigned_port = 0;                    // 0: none in the store
    int64_t store_revision = 0;
  };
  enum class Cause : uint8_t {
    kChanged,   // what was asked may be new: try at once
    kRetry,     // the time for another attempt has come
    kProgress,  // something that was under way has ended
  };

  // `again` is called from the loop when Run() has more to do.
  TransportActor(const Environment& environment, domain::TransportName name,
                 std::function<void(Cause)> again)
      : env_(environment), name_(std::move(name)), again_(std::move(again)) {}

  // Goes on towards `input`. False when nothing of the transport is left, and it may be forgotten.
  bool Run(const Input& input, Cause cause);

  // Closes the listener for good; sessions go on.
  void Drain(const Input& input);

 private:
  DesiredTransport Desired(const Input& input) const;
  absl::Status Execute(Action action, const Input& input, const DesiredTransport& desired);
  absl::Status Load(const Input& input);
  void Loaded(uint64_t load_id, const absl::Status& status);
  absl::Status Listen(const Input& input, const DesiredTransport& desired);
  absl::StatusOr<std::unique_ptr<net::Listener>> Bind(const domain::Address& address);
  absl::Status SavePort(const Input& input);
  void CloseListener();
  void Withdraw();
  void Retry(const absl::Status& status);

  void SetCondition(std::optional<domain::Condition>& condition, std::string_view type, bool status,
                    std::string_view reason, std::string_view message);
  // Everything that was asked of an enabled transport is in place.
  bool IsInForce(const Input& input) const;
  void Publish(const Input& input);
  domain::TransportStatus Status(const Input& input) const;

  const Environment& env_;
  const domain::TransportName name_;
  const std::function<void(Cause)> again_;

  ActualTransport actual_;
  std::unique_ptr<net::Listener> listener_;
  uint16_t assigned_port_ = 0;  // chosen by the kernel for this listener
  uint64_t load_id_ = 0;        // of the load that was begun last
  bool draining_ = false;

  bool failing_ = false;  // since the last change, something is in the way
  uint32_t failure_count_ = 0;
  ControlLoop::Timer retry_;  // set while an attempt is to come
  std::optional<domain::Condition> module_loaded_;
  std::optional<domain::Condition> address_bound_;
  int64_t observed_revision_ = 0;
};

}  // namespace penstock::app
