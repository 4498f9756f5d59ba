#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/app/modules.h"
#include "server/domain/resources.h"

namespace penstock::app {

// A stored transport with what is.
struct TransportView {
  domain::Transport transport;
  domain::TransportStatus status;
};

// One message of a watch.
struct TransportChange {
  enum class Kind { kPut, kDeleted, kSynced };
  Kind kind = Kind::kPut;
  TransportView view;  // kDeleted: only the name is set
  int64_t revision = 0;
};

// Use cases of transports. Safe from any thread.
class Transports {
 public:
  virtual ~Transports() = default;

  struct CreateRequest {
    domain::TenantName parent;
    std::string transport_id;
    domain::Transport transport;  // what the caller set
    bool validate_only = false;
    std::string request_id;
  };
  virtual absl::StatusOr<TransportView> Create(CreateRequest request) = 0;
  virtual absl::StatusOr<TransportView> Get(const domain::TransportName& name) = 0;
  virtual absl::StatusOr<Page<TransportView>> List(const domain::TenantName& parent,
                                                   int32_t page_size,
                                                   std::string_view page_token) = 0;

  struct UpdateRequest {
    domain::Transport transport;
    // Field names of penstock.v1.Transport, nested ones dotted ("limits.idle_timeout"); "*" is all.
    // Never empty: the API fills in the populated fields.
    std::vector<std::string> update_mask;
    std::string etag;
    bool allow_missing = false;
    bool validate_only = false;
  };
  virtual absl::StatusOr<TransportView> Update(UpdateRequest request) = 0;
  virtual absl::Status Delete(const domain::TransportName& name, std::string_view etag) = 0;
  // Start and Stop.
  virtual absl::StatusOr<TransportView> SetEnabled(const domain::TransportName& name, bool enabled,
                                                   std::string_view etag) = 0;

  // Watches a tenant's transports after `revision` (0: from the current set). A watch holds no
  // queue: it reads the store's history, and one that falls behind what that keeps ends with
  // RESOURCE_EXHAUSTED. Of several changes of a status in between it sees the last.
  class Watch {
   public:
    virtual ~Watch() = default;
    // The next change; nullopt when there is none now. An error ends the watch.
    virtual absl::StatusOr<std::optional<TransportChange>> Next() = 0;
  };
  // `on_ready` is called, on any thread and without locks held, whenever Next() may have something
  // after it had nothing; never after the Watch was destroyed, which waits for a call that is under
  // way on another thread. It may call Next(), and may destroy the Watch.
  virtual absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const domain::TenantName& parent,
                                                            int64_t revision,
                                                            std::function<void()> on_ready) = 0;
};

}  // namespace penstock::app
