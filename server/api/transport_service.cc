#include "server/api/transport_service.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/status.h"
#include "server/api/conversions.h"
#include "server/api/update_mask.h"
#include "server/api/watch.h"

namespace penstock::api {
namespace {

class TransportWatch final : public WatchSource<pb::WatchTransportsResponse> {
 public:
  explicit TransportWatch(std::unique_ptr<app::Transports::Watch> watch)
      : watch_(std::move(watch)) {}

  absl::StatusOr<std::optional<pb::WatchTransportsResponse>> Next() override {
    ASSIGN_OR_RETURN(const std::optional<app::TransportChange> change, watch_->Next());
    if (!change) return std::nullopt;
    return std::optional(ToProto(*change));
  }

 private:
  std::unique_ptr<app::Transports::Watch> watch_;
};

}  // namespace

grpc::ServerUnaryReactor* TransportService::CreateTransport(
    grpc::CallbackServerContext* context, const pb::CreateTransportRequest* request,
    pb::Transport* response) {
  return gateway_.Serve(context, Rpc::kCreateTransport, request->parent(), [&]() -> absl::Status {
    app::Transports::CreateRequest create;
    ASSIGN_OR_RETURN(create.parent, domain::TenantName::Parse(request->parent(), "parent"));
    ASSIGN_OR_RETURN(create.transport, TransportFromProto(request->transport(), "transport"));
    create.transport_id = request->transport_id();
    create.validate_only = request->validate_only();
    create.request_id = request->request_id();
    ASSIGN_OR_RETURN(const app::TransportView created, transports_.Create(std::move(create)));
    *response = ToProto(created);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TransportService::GetTransport(grpc::CallbackServerContext* context,
                                                         const pb::GetTransportRequest* request,
                                                         pb::Transport* response) {
  return gateway_.Serve(context, Rpc::kGetTransport, request->name(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto name, domain::TransportName::Parse(request->name(), "name"));
    ASSIGN_OR_RETURN(const app::TransportView view, transports_.Get(name));
    *response = ToProto(view);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TransportService::ListTransports(grpc::CallbackServerContext* context,
                                                           const pb::ListTransportsRequest* request,
                                                           pb::ListTransportsResponse* response) {
  return gateway_.Serve(context, Rpc::kListTransports, request->parent(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto parent, domain::TenantName::Parse(request->parent(), "parent"));
    ASSIGN_OR_RETURN(app::Page<app::TransportView> page,
                     transports_.List(parent, request->page_size(), request->page_token()));
    for (const app::TransportView& view : page.items) *response->add_transports() = ToProto(view);
    response->set_next_page_token(std::move(page.next_page_token));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TransportService::UpdateTransport(
    grpc::CallbackServerContext* context, const pb::UpdateTransportRequest* request,
    pb::Transport* response) {
  const pb::Transport& transport = request->transport();
  return gateway_.Serve(context, Rpc::kUpdateTransport, transport.name(), [&]() -> absl::Status {
    app::Transports::UpdateRequest update;
    ASSIGN_OR_RETURN(update.update_mask, ResolveUpdateMask(transport, request->update_mask()));
    ASSIGN_OR_RETURN(update.transport, TransportFromProto(transport, "transport"));
    ASSIGN_OR_RETURN(update.transport.name,
                     domain::TransportName::Parse(transport.name(), "transport.name"));
    update.etag = transport.etag();
    update.allow_missing = request->allow_missing();
    update.validate_only = request->validate_only();
    ASSIGN_OR_RETURN(const app::TransportView updated, transports_.Update(std::move(update)));
    *response = ToProto(updated);
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* TransportService::DeleteTransport(
    grpc::CallbackServerContext* context, const pb::DeleteTransportRequest* request,
    google::protobuf::Empty* /*response*/) {
  return gateway_.Serve(context, Rpc::kDeleteTransport, request->name(), [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const auto name, domain::TransportName::Parse(request->name(), "name"));
    return transports_.Delete(name, request->etag());
  });
}

grpc::ServerUnaryReactor* TransportService::StartTransport(grpc::CallbackServerContext* context,
                                                           const pb::StartTransportRequest* request,
                                                           pb::Transport* response) {
  return gateway_.Serve(context, Rpc::kStartTransport, request->name(), [&] {
    return SetEnabled(request->name(), true, request->etag(), response);
  });
}

grpc::ServerUnaryReactor* TransportService::StopTransport(grpc::CallbackServerContext* context,
                                                          const pb::StopTransportRequest* request,
                                                          pb::Transport* response) {
  return gateway_.Serve(context, Rpc::kStopTransport, request->name(), [&] {
    return SetEnabled(request->name(), false, request->etag(), response);
  });
}

absl::Status TransportService::SetEnabled(const std::string& name, bool enabled,
                                          const std::string& etag, pb::Transport* response) {
  ASSIGN_OR_RETURN(const auto transport, domain::TransportName::Parse(name, "name"));
  ASSIGN_OR_RETURN(const app::TransportView view, transports_.SetEnabled(transport, enabled, etag));
  *response = ToProto(view);
  return absl::OkStatus();
}

grpc::ServerWriteReactor<pb::WatchTransportsResponse>* TransportService::WatchTransports(
    grpc::CallbackServerContext* /*context*/, const pb::WatchTransportsRequest* request) {
  using Source = WatchSource<pb::WatchTransportsResponse>;
  return WatchReactor<pb::WatchTransportsResponse>::Start(
      gateway_, Rpc::kWatchTransports, request->parent(),
      [&](std::function<void()> on_ready) -> absl::StatusOr<std::unique_ptr<Source>> {
        ASSIGN_OR_RETURN(const auto parent, domain::TenantName::Parse(request->parent(), "parent"));
        ASSIGN_OR_RETURN(auto watch,
                         transports_.StartWatch(parent, request->revision(), std::move(on_ready)));
        return std::make_unique<TransportWatch>(std::move(watch));
      });
}

}  // namespace penstock::api
