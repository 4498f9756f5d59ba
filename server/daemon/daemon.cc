#include "server/daemon/daemon.h"

#include <algorithm>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <csignal>
#include <cstdlib>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "server/api/api_server.h"
#include "server/app/app.h"
#include "server/app/control_loop.h"
#include "server/daemon/drain.h"
#include "server/daemon/metric_samples.h"
#include "server/daemon/process.h"
#include "server/daemon/state_dir.h"
#include "server/daemon/version.h"
#include "server/metrics/metrics_server.h"
#include "server/net/asio_dialer.h"
#include "server/net/asio_listener.h"
#include "server/net/egress_policy.h"
#include "server/net/resolver.h"
#include "server/store/blob_store.h"
#include "server/store/sqlite/sqlite_store.h"
#include "server/workers/process_pool.h"

namespace penstock::daemon {
namespace {

// How long the first worker is waited for before the server says that it serves, and how often it
// is looked for.
constexpr std::chrono::seconds kFirstWorkerTimeout{10};
constexpr std::chrono::milliseconds kFirstWorkerInterval{5};
// What calls that are under way have at the very end.
constexpr std::chrono::seconds kCallGrace{2};

bool HasReadyWorker(const workers::WorkerPool& pool) {
  const auto statuses = pool.status();
  return std::any_of(statuses.begin(), statuses.end(), [](const workers::WorkerStatus& status) {
    return status.state == workers::WorkerStatus::State::kReady;
  });
}

class DaemonImpl final : public Daemon {
 public:
  explicit DaemonImpl(const Config& config) : config_(config) {}
  ~DaemonImpl() override;

  absl::Status Begin();
  void Wait() override { ended_.get_future().wait(); }

 private:
  absl::Status OpenState();
  absl::Status StartWorkers();
  absl::Status StartMetrics();
  absl::Status StartApi();
  void StartLoop();

  // These on the loop's thread.
  void AnnounceWhenReady(MonotonicTime deadline);
  void AwaitSignal();
  void OnSignal(int signal);

  const Config config_;
  const WallTime start_time_ = Clock::System().WallNow();
  std::promise<void> ended_;

  // In the order in which they are made: each may use what stands above it.
  std::optional<StateDir> state_dir_;
  std::unique_ptr<store::StateStore> store_;
  std::unique_ptr<store::BlobStore> blobs_;
  workers::PoolStats pool_stats_;
  api::MethodStats method_stats_;
  workers::SessionRegistry registry_{Clock::System()};
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_ = asio::make_work_guard(io_);
  asio::signal_set signals_{io_, SIGTERM, SIGINT};
  app::AsioControlLoop loop_{io_};
  net::AllowListPolicy egress_;
  std::unique_ptr<net::Resolver> resolver_;
  std::unique_ptr<net::Dialer> dialer_;
  std::unique_ptr<net::ListenerFactory> listeners_;
  std::unique_ptr<workers::WorkerPool> pool_;
  std::unique_ptr<app::App> app_;
  std::unique_ptr<metrics::MetricsServer> metrics_;
  std::string metrics_address_;  // "tcp://127.0.0.1:9464"; empty when there are none
  std::unique_ptr<api::ApiServer> api_;
  app::ControlLoop::Timer ready_timer_;
  std::unique_ptr<Drain> drain_;
  std::thread loop_thread_;
};

DaemonImpl::~DaemonImpl() {
  if (api_ != nullptr) api_->ShutDown(kCallGrace);
  metrics_.reset();
  io_.stop();
  if (loop_thread_.joinable()) loop_thread_.join();
}

absl::Status DaemonImpl::Begin() {
  RETURN_IF_ERROR(OpenState());
  RETURN_IF_ERROR(StartWorkers());
  app_ = std::make_unique<app::App>(app::Dependencies{
      .store = *store_,
      .blobs = *blobs_,
      .pool = *pool_,
      .listeners = *listeners_,
      .registry = registry_,
      .loop = loop_,
      .clock = Clock::System(),
      .limits = {.upload_byte_count_max = static_cast<int64_t>(config_.module_byte_count_max)},
  });
  RETURN_IF_ERROR(app_->Start());
  RETURN_IF_ERROR(StartMetrics());
  RETURN_IF_ERROR(StartApi());
  StartLoop();
  return absl::OkStatus();
}

absl::Status DaemonImpl::OpenState() {
  ASSIGN_OR_RETURN(state_dir_, StateDir::Open(config_.state_dir));
  ASSIGN_OR_RETURN(store_, store::SqliteStore::Open({.path = config_.state_dir + "/state.db"}));
  ASSIGN_OR_RETURN(blobs_, store::BlobStore::Open(config_.state_dir));
  return absl::OkStatus();
}

absl::Status DaemonImpl::StartWorkers() {
  ASSIGN_OR_RETURN(resolver_, net::MakeResolver(io_));
  dialer_ = net::MakeDialer(io_, *resolver_);
  listeners_ = net::MakeListenerFactory(io_);
  workers::ProcessPoolOptions options;
  options.worker_path = config_.worker_binary;
  options.worker_count = config_.workers;
  ASSIGN_OR_RETURN(pool_, workers::MakeProcessPool({.io = io_,
                                                    .dialer = *dialer_,
                                                    .egress = egress_,
                                                    .registry = registry_,
                                                    .stats = pool_stats_},
                                                   std::move(options)));
  return absl::OkStatus();
}

absl::Status DaemonImpl::StartMetrics() {
  if (!config_.metrics_listen) return absl::OkStatus();
  metrics::Sources sources{
      .version = kVersion,
      .start_time = start_time_,
      .registry = registry_,
      .pool = *pool_,
      .pool_stats = pool_stats_,
      .methods = [this] { return MethodSamples(method_stats_); },
      .reconcile = [this] { return ReconcileSampleOf(app_->reconcile_stats()); },
  };
  ASSIGN_OR_RETURN(metrics_,
                   metrics::MetricsServer::Start(*config_.metrics_listen,
                                                 metrics::MakeCollector(std::move(sources))));
  domain::Address own = *config_.metrics_listen;
  own.port = metrics_->port();
  metrics_address_ = own.ToString();
  egress_.Forbid(own);
  return absl::OkStatus();
}

absl::Status DaemonImpl::StartApi() {
  api::ApiServerOptions options;
  options.listen = config_.api_listen;
  options.facts = {.version = kVersion,
                   .start_time = start_time_,
                   .metrics_address = metrics_ == nullptr ? "" : metrics_->url()};
  ASSIGN_OR_RETURN(api_, api::ApiServer::Start({.modules = app_->modules(),
                                                .transports = app_->transports(),
                                                .sessions = app_->sessions(),
                                                .registry = registry_,
                                                .pool = *pool_,
                                                .stats = method_stats_},
                                               std::move(options)));
  for (const std::string& address : api_->bound_addresses()) {
    ASSIGN_OR_RETURN(const domain::Address own, domain::Address::Parse(address, "api_listen"));
    egress_.Forbid(own);
  }
  return absl::OkStatus();
}

void DaemonImpl::StartLoop() {
  AwaitSignal();
  loop_.Post([this] { AnnounceWhenReady(Clock::System().Now() + kFirstWorkerTimeout); });
  loop_thread_ = std::thread([this] { io_.run(); });
}

void DaemonImpl::AnnounceWhenReady(MonotonicTime deadline) {
  if (drain_ != nullptr) return;
  const bool ready = HasReadyWorker(*pool_);
  if (!ready && Clock::System().Now() < deadline) {
    ready_timer_ =
        loop_.After(kFirstWorkerInterval, [this, deadline] { AnnounceWhenReady(deadline); });
    return;
  }
  if (!ready) log::Warning("no worker is ready yet; connections wait for one");
  api_->SetServing(true);
  const std::string addresses = fmt::format("{}", fmt::join(api_->bound_addresses(), ","));
  log::Info("serving", {{"api", addresses}, {"metrics", metrics_address_}});
}

void DaemonImpl::AwaitSignal() {
  signals_.async_wait([this](const asio::error_code& error, int signal) {
    if (error) return;
    AwaitSignal();
    OnSignal(signal);
  });
}

void DaemonImpl::OnSignal(int signal) {
  const std::string name = fmt::format("{}", signal);
  if (drain_ != nullptr) {
    log::Warning("second signal: ending at once", {{"signal", name}});
    std::_Exit(1);
  }
  log::Info("draining", {{"signal", name}});
  api_->SetServing(false);
  drain_ = std::make_unique<Drain>(loop_, registry_,
                                   Drain::Steps{
                                       .stop_accepting = [this] { app_->BeginDrain(); },
                                       .stop_workers =
                                           [this](std::function<void()> done) {
                                             pool_->Shutdown(config_.stop_grace, std::move(done));
                                           },
                                       .done =
                                           [this] {
                                             log::Info("stopped");
                                             ended_.set_value();
                                           },
                                   });
  drain_->Begin(config_.drain_timeout);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config) {
  PrepareProcess();
  auto daemon = std::make_unique<DaemonImpl>(config);
  RETURN_IF_ERROR(daemon->Begin());
  return daemon;
}

}  // namespace penstock::daemon
