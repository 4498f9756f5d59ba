#include "server/app/app.h"

#include <asio/post.hpp>
#include <asio/thread_pool.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "server/app/reconciler.h"
#include "server/app/request_log.h"
#include "server/app/sessions_impl.h"
#include "server/app/transport_status_table.h"
#include "server/app/transports_impl.h"

namespace penstock::app {
namespace {

// One for slow disks, one for the others.
constexpr size_t kBackgroundThreadCount = 2;
constexpr std::chrono::hours kPurgePeriod{1};

}  // namespace

struct App::Parts {
  explicit Parts(const Dependencies& deps)
      : loop(deps.loop),
        requests(deps.store, deps.clock),
        modules({.store = deps.store,
                 .blobs = deps.blobs,
                 .pool = deps.pool,
                 .clock = deps.clock,
                 .requests = requests,
                 .mutations = mutations,
                 .background = Background()},
                deps.limits),
        transports({.store = deps.store,
                    .registry = deps.registry,
                    .statuses = statuses,
                    .clock = deps.clock,
                    .requests = requests,
                    .mutations = mutations,
                    .background = Background()}),
        sessions(deps.registry, deps.pool, deps.loop),
        reconciler({.store = deps.store,
                    .blobs = deps.blobs,
                    .pool = deps.pool,
                    .listeners = deps.listeners,
                    .registry = deps.registry,
                    .loop = deps.loop,
                    .clock = deps.clock,
                    .statuses = statuses,
                    .seed = static_cast<uint32_t>(deps.clock.Now().time_since_epoch().count())}) {}

  // Work that comes when the threads are gone is dropped: nobody is left to want it.
  Executor Background() {
    return [weak = std::weak_ptr(background)](std::function<void()> work) {
      if (const auto threads = weak.lock()) asio::post(*threads, std::move(work));
    };
  }

  // Purges now and then again, on the loop.
  void PurgeRequests() {
    asio::post(*background, [this] {
      if (const absl::Status status = requests.Purge(); !status.ok()) {
        log::Warning("old request IDs could not be removed", {{"error", MessageOf(status)}});
      }
    });
    purge_timer = loop.After(kPurgePeriod, [this] { PurgeRequests(); });
  }

  ControlLoop& loop;
  std::mutex mutations;
  TransportStatusTable statuses;
  RequestLog requests;
  const std::shared_ptr<asio::thread_pool> background =
      std::make_shared<asio::thread_pool>(kBackgroundThreadCount);
  ModulesImpl modules;
  TransportsImpl transports;
  SessionsImpl sessions;
  Reconciler reconciler;
  ControlLoop::Timer purge_timer;
};

App::App(const Dependencies& dependencies) : parts_(std::make_shared<Parts>(dependencies)) {}

App::~App() { parts_->background->join(); }

Modules& App::modules() { return parts_->modules; }
Transports& App::transports() { return parts_->transports; }
Sessions& App::sessions() { return parts_->sessions; }
ReconcileStats::Sample App::reconcile_stats() const { return parts_->reconciler.stats(); }

absl::Status App::Start() {
  RETURN_IF_ERROR(parts_->modules.CollectGarbage());
  parts_->reconciler.Start();
  parts_->loop.Post([weak = std::weak_ptr(parts_)] {
    if (const auto parts = weak.lock()) parts->PurgeRequests();
  });
  return absl::OkStatus();
}

void App::BeginDrain() { parts_->reconciler.BeginDrain(); }

}  // namespace penstock::app
