#include "server/api/api_server.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <utility>

#include "base/status.h"
#include "fmt/format.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/resource_quota.h"
#include "server/api/gateway.h"
#include "server/api/listen_address.h"
#include "server/api/module_service.h"
#include "server/api/session_service.h"
#include "server/api/transport_service.h"

namespace penstock::api {
namespace {

// One message: an upload's chunk, or a transport with its largest configuration.
constexpr int kReceiveByteCountMax = 4 << 20;
// A page of 1,000 transports.
constexpr int kSendByteCountMax = 16 << 20;
// Memory that gRPC may use for all calls together.
constexpr size_t kQuotaByteCount = 256u << 20;
constexpr int kStreamsPerConnectionMax = 256;
constexpr int kConnectionAgeMax_ms = 60 * 60 * 1000;
constexpr int kConnectionAgeGrace_ms = 5 * 60 * 1000;
// Only while a call is open: a client library that is idle may answer no ping, and be cut off.
constexpr int kKeepaliveTime_ms = 60 * 1000;
constexpr int kKeepaliveTimeout_ms = 20 * 1000;
// Clients that ping more often than this are cut off.
constexpr int kPingIntervalMin_ms = 10 * 1000;

constexpr std::array<const char*, 4> kServiceNames = {
    "penstock.v1.ModuleService", "penstock.v1.TransportService", "penstock.v1.SessionService",
    "penstock.v1.ServerService"};

// Both are registered with gRPC for the life of the process, and so only once.
void EnableHealthAndReflection() {
  static std::once_flag once;
  std::call_once(once, [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  });
}

void Configure(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kReceiveByteCountMax);
  builder.SetMaxSendMessageSize(kSendByteCountMax);
  builder.SetResourceQuota(grpc::ResourceQuota("api").Resize(kQuotaByteCount));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kStreamsPerConnectionMax);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, kConnectionAgeMax_ms);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, kConnectionAgeGrace_ms);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTime_ms);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeout_ms);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kPingIntervalMin_ms);
  // Reflection alone is not of the callback kind: one thread is enough for it.
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, 2);
}

class ApiServerImpl final : public ApiServer {
 public:
  ApiServerImpl(ApiServerDeps deps, ApiServerOptions options)
      : listen_(std::move(options.listen)),
        gateway_(deps.clock, deps.stats),
        modules_(gateway_, deps.modules, options.upload_idle_timeout),
        transports_(gateway_, deps.transports),
        sessions_(gateway_, deps.sessions, deps.registry),
        info_(gateway_, deps.pool, std::move(options.facts)) {}

  ~ApiServerImpl() override { ShutDown(std::chrono::nanoseconds(0)); }

  absl::Status Listen();

  const std::vector<std::string>& bound_addresses() const override { return bound_addresses_; }

  void SetServing(bool serving) override {
    grpc::HealthCheckServiceInterface* health = server_->GetHealthCheckService();
    health->SetServingStatus(serving);
    for (const char* name : kServiceNames) health->SetServingStatus(name, serving);
  }

  void ShutDown(std::chrono::nanoseconds grace) override {
    if (server_ == nullptr) return;
    gateway_.ShutDown();
    server_->Shutdown(std::chrono::system_clock::now() + grace);
    server_->Wait();
    server_.reset();
    for (const domain::Address& address : listen_) {
      if (address.kind == domain::Address::Kind::kUnix) (void)::unlink(address.path.c_str());
    }
  }

 private:
  absl::Status Build();

  std::vector<domain::Address> listen_;
  Gateway gateway_;
  ModuleService modules_;
  TransportService transports_;
  SessionService sessions_;
  ServerService info_;
  std::vector<std::string> bound_addresses_;
  std::unique_ptr<grpc::Server> server_;
};

absl::Status ApiServerImpl::Listen() {
  for (const domain::Address& address : listen_) {
    RETURN_IF_ERROR(RequireLocal(address, "api_listen"));
    RETURN_IF_ERROR(PrepareToListen(address));
  }
  // gRPC makes the Unix sockets, with what the mask leaves of their mode.
  const mode_t mask = ::umask(0177);
  const absl::Status built = Build();
  ::umask(mask);
  return built;
}

absl::Status ApiServerImpl::Build() {
  EnableHealthAndReflection();
  grpc::ServerBuilder builder;
  Configure(builder);
  std::vector<int> ports(listen_.size(), 0);
  for (size_t i = 0; i < listen_.size(); ++i) {
    builder.AddListeningPort(GrpcAddress(listen_[i]), grpc::InsecureServerCredentials(), &ports[i]);
  }
  builder.RegisterService(&modules_);
  builder.RegisterService(&transports_);
  builder.RegisterService(&sessions_);
  builder.RegisterService(&info_);
  server_ = builder.BuildAndStart();
  for (size_t i = 0; i < listen_.size(); ++i) {
    if (server_ == nullptr || ports[i] == 0) {
      return absl::UnavailableError(fmt::format("cannot listen on {}", listen_[i].ToString()));
    }
    if (listen_[i].kind == domain::Address::Kind::kTcp) {
      listen_[i].port = static_cast<uint16_t>(ports[i]);
    }
    bound_addresses_.push_back(listen_[i].ToString());
  }
  SetServing(false);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ApiServer>> ApiServer::Start(ApiServerDeps deps,
                                                            ApiServerOptions options) {
  if (options.listen.empty()) {
    return absl::InvalidArgumentError("api_listen names no address; the server needs one");
  }
  auto server = std::make_unique<ApiServerImpl>(deps, std::move(options));
  RETURN_IF_ERROR(server->Listen());
  return server;
}

}  // namespace penstock::api
