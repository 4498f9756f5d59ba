#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "server/app/modules_impl.h"
#include "server/app/request_log.h"
#include "server/app/transport_status_table.h"
#include "server/app/transports.h"
#include "server/app/waker.h"
#include "server/store/state_store.h"
#include "server/workers/session_registry.h"

namespace penstock::app {

class TransportsImpl final : public Transports {
 public:
  // All borrowed. `mutations` is held by every change of modules and transports; `background` runs
  // the watchers' callbacks.
  struct Dependencies {
    store::StateStore& store;
    const workers::SessionRegistry& registry;
    TransportStatusTable& statuses;
    const Clock& clock;
    RequestLog& requests;
    std::mutex& mutations;
    Executor background;
  };

  explicit TransportsImpl(Dependencies dependencies);

  absl::StatusOr<TransportView> Create(CreateRequest request) override;
  absl::StatusOr<TransportView> Get(const domain::TransportName& name) override;
  absl::StatusOr<Page<TransportView>> List(const domain::TenantName& parent, int32_t page_size,
                                           std::string_view page_token) override;
  absl::StatusOr<TransportView> Update(UpdateRequest request) override;
  absl::Status Delete(const domain::TransportName& name, std::string_view etag) override;
  absl::StatusOr<TransportView> SetEnabled(const domain::TransportName& name, bool enabled,
                                           std::string_view etag) override;
  absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const domain::TenantName& parent,
                                                    int64_t revision,
                                                    std::function<void()> on_ready) override;

  // What to show of a stored transport.
  TransportView View(domain::Transport transport) const;

 private:
  // These with `mutations` held.
  absl::StatusOr<TransportView> CreateLocked(domain::Transport transport, bool validate_only,
                                             const RepeatableRequest& repeatable);
  absl::StatusOr<TransportView> UpdateLocked(const domain::Transport& before,
                                             domain::Transport after, bool validate_only);
  // Checks `after` against everything else that is stored; returns its module.
  absl::StatusOr<domain::Module> CheckAgainstStore(const domain::Transport& after);
  absl::Status CheckAddressFree(const domain::Transport& after);
  absl::StatusOr<int64_t> Write(const domain::Transport* before, const domain::Transport& after,
                                const domain::Module& module, std::vector<store::Op> ops);

  const Dependencies deps_;
  const std::shared_ptr<Waker> waker_;
  store::StateStore::Subscription store_subscription_;
  std::shared_ptr<void> status_subscription_;
};

}  // namespace penstock::app
