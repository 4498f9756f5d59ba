#include "server/api/gateway.h"

#include <string>

#include "base/log.h"
#include "base/status.h"
#include "fmt/format.h"
#include "grpcpp/server_context.h"
#include "server/api/errors.h"
#include "server/domain/error.h"
#include "server/domain/names.h"

namespace penstock::api {
namespace {

constexpr std::string_view kTenantPrefix = "tenants/";

// Errors that are the server's own doing are worth a line; the caller's are not.
bool IsServerFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss;
}

}  // namespace

grpc::ServerUnaryReactor* Gateway::Serve(grpc::CallbackServerContext* context, Rpc rpc,
                                         std::string_view resource_name,
                                         const std::function<absl::Status()>& handler) {
  const MonotonicTime begin = clock_.Now();
  absl::Status status = context->IsCancelled() ? absl::CancelledError("the caller has gone")
                                               : CheckTenant(resource_name);
  if (status.ok()) status = handler();
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(Complete(rpc, begin, status));
  return reactor;
}

grpc::Status Gateway::Complete(Rpc rpc, MonotonicTime begin, const absl::Status& status) {
  const grpc::Status mapped = ToGrpcStatus(status);
  stats_.Record(rpc, mapped.error_code(), clock_.Now() - begin);
  if (IsServerFault(status.code())) {
    log::Error("call failed",
               {{"method", kRpcs[static_cast<size_t>(rpc)].name}, {"error", MessageOf(status)}});
  }
  return mapped;
}

absl::Status Gateway::CheckTenant(std::string_view resource_name) {
  if (resource_name.substr(0, kTenantPrefix.size()) != kTenantPrefix) return absl::OkStatus();
  const std::string_view rest = resource_name.substr(kTenantPrefix.size());
  const std::string_view tenant = rest.substr(0, rest.find('/'));
  if (tenant == domain::kDefaultTenant || !domain::ValidateId(tenant, "").ok()) {
    return absl::OkStatus();
  }
  return domain::MakeError(
      absl::StatusCode::kNotFound,
      fmt::format("tenant \"{}\" does not exist; the only one is \"tenants/{}\"", tenant,
                  domain::kDefaultTenant),
      {.reason = "TENANT_NOT_FOUND",
       .metadata = {},
       .field_violations = {},
       .resource_type = "penstock.dev/Tenant",
       .resource_name = fmt::format("tenants/{}", tenant)});
}

bool Gateway::Enter(const std::shared_ptr<Stream>& stream) {
  std::lock_guard lock(mutex_);
  if (!shutting_down_) streams_.insert(stream);
  return !shutting_down_;
}

void Gateway::Leave(const std::shared_ptr<Stream>& stream) {
  std::lock_guard lock(mutex_);
  streams_.erase(stream);
}

void Gateway::ShutDown() {
  std::set<std::shared_ptr<Stream>> streams;
  {
    std::lock_guard lock(mutex_);
    shutting_down_ = true;
    streams = streams_;
  }
  for (const std::shared_ptr<Stream>& stream : streams) stream->End(ShuttingDown());
}

absl::Status Gateway::ShuttingDown() {
  return domain::MakeError(absl::StatusCode::kUnavailable,
                           "the server is shutting down; connect again",
                           {.reason = "SHUTTING_DOWN",
                            .metadata = {},
                            .field_violations = {},
                            .resource_type = {},
                            .resource_name = {}});
}

}  // namespace penstock::api
