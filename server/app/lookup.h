#pragma once

#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/domain/resources.h"
#include "server/store/state_store.h"

namespace penstock::app {

// Reads from the store with the errors that callers are to see: NOT_FOUND with the resource's type
// and name and a reason (TENANT_NOT_FOUND, MODULE_NOT_FOUND, TRANSPORT_NOT_FOUND), or the store's
// own.
absl::Status CheckTenant(std::string_view tenant);
absl::StatusOr<domain::Module> FindModule(store::StateStore& store, const domain::ModuleName& name);
absl::StatusOr<domain::Transport> FindTransport(store::StateStore& store,
                                                const domain::TransportName& name);

absl::Status NotFound(std::string_view kind, std::string_view name);
// ALREADY_EXISTS, reason MODULE_EXISTS or TRANSPORT_EXISTS. `kind` is "Module" or "Transport".
absl::Status AlreadyExists(std::string_view kind, std::string_view name);

// ABORTED, reason STALE_ETAG, unless `etag` is empty or that of `revision`.
absl::Status CheckEtag(std::string_view etag, int64_t revision, std::string_view name);
// What the caller of a lost compare-and-swap gets to see; other errors pass.
absl::Status ExplainCommit(const absl::Status& status, std::string_view name);

}  // namespace penstock::app
