#include "server/app/lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/status.h"
#include "server/domain/error.h"
#include "server/store/codec.h"
#include "server/store/keys.h"

namespace penstock::app {
namespace {

std::string Reason(std::string_view kind, std::string_view what) {
  std::string reason(kind);
  std::transform(reason.begin(), reason.end(), reason.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return reason + std::string(what);
}

absl::Status AboutResource(absl::StatusCode code, std::string_view kind, std::string_view name,
                           std::string_view reason, std::string_view message) {
  domain::ErrorDetail detail;
  detail.reason = Reason(kind, reason);
  detail.resource_type = fmt::format("penstock.dev/{}", kind);
  detail.resource_name = name;
  return domain::MakeError(code, message, std::move(detail));
}

absl::Status Aborted(std::string_view reason, std::string_view name, std::string_view message) {
  domain::ErrorDetail detail;
  detail.reason = reason;
  detail.resource_name = name;
  return domain::MakeError(absl::StatusCode::kAborted, message, std::move(detail));
}

}  // namespace

absl::Status NotFound(std::string_view kind, std::string_view name) {
  return AboutResource(absl::StatusCode::kNotFound, kind, name, "_NOT_FOUND",
                       fmt::format("there is no {}", name));
}

absl::Status AlreadyExists(std::string_view kind, std::string_view name) {
  return AboutResource(absl::StatusCode::kAlreadyExists, kind, name, "_EXISTS",
                       fmt::format("{} exists already", name));
}

absl::Status CheckTenant(std::string_view tenant) {
  if (tenant == domain::kDefaultTenant) return absl::OkStatus();
  return NotFound("Tenant", fmt::format("tenants/{}", tenant));
}

absl::StatusOr<domain::Module> FindModule(store::StateStore& store,
                                          const domain::ModuleName& name) {
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> kv, store.Get(store::KeyOf(name)));
  if (!kv) return NotFound("Module", name.ToString());
  return store::DecodeModule(*kv);
}

absl::StatusOr<domain::Transport> FindTransport(store::StateStore& store,
                                                const domain::TransportName& name) {
  ASSIGN_OR_RETURN(const std::optional<store::KeyValue> kv, store.Get(store::KeyOf(name)));
  if (!kv) return NotFound("Transport", name.ToString());
  return store::DecodeTransport(*kv);
}

absl::Status CheckEtag(std::string_view etag, int64_t revision, std::string_view name) {
  if (etag.empty() || etag == std::to_string(revision)) return absl::OkStatus();
  return Aborted("STALE_ETAG", name,
                 fmt::format("{} has changed since this etag was read; its etag is now \"{}\"",
                             name, revision));
}

absl::Status ExplainCommit(const absl::Status& status, std::string_view name) {
  if (status.code() != absl::StatusCode::kAborted) return status;
  return Aborted("CONCURRENT_CHANGE", name,
                 fmt::format("{} was changed by somebody else at this moment; try again", name));
}

}  // namespace penstock::app
