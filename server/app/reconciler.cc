#include "server/app/reconciler.h"

#include <utility>

#include "base/log.h"
#include "base/status.h"

namespace penstock::app {

using Cause = TransportActor::Cause;

Reconciler::Reconciler(const Dependencies& dependencies)
    : store_(dependencies.store),
      registry_(dependencies.registry),
      loop_(dependencies.loop),
      modules_(dependencies.blobs),
      stats_(dependencies.clock),
      backoff_(dependencies.seed),
      env_{.store = dependencies.store,
           .pool = dependencies.pool,
           .listeners = dependencies.listeners,
           .registry = dependencies.registry,
           .loop = dependencies.loop,
           .clock = dependencies.clock,
           .statuses = dependencies.statuses,
           .modules = modules_,
           .stats = stats_,
           .backoff = backoff_},
      desired_(dependencies.store) {}

Reconciler::~Reconciler() {
  store_subscription_.reset();
  session_subscription_.reset();
}

void Reconciler::Post(std::function<void(Reconciler&)> work) {
  loop_.Post([weak = std::weak_ptr(life_), work = std::move(work)] {
    if (const Life life = weak.lock()) work(**life);
  });
}

void Reconciler::PostSync() {
  if (sync_posted_.exchange(true)) return;
  Post([](Reconciler& self) {
    self.sync_posted_ = false;
    self.Sync();
  });
}

void Reconciler::PostSessionEnded(const domain::TransportName& name) {
  Post([name](Reconciler& self) {
    const bool awaited = self.actors_.contains(name) && self.registry_.CountLive(name) == 0;
    if (awaited) self.RunActor(name, Cause::kProgress);
  });
}

void Reconciler::Start() {
  store_subscription_ = store_.Subscribe([this](int64_t) { PostSync(); });
  session_subscription_ = registry_.Subscribe([this](const domain::Session& session) {
    if (session.state == domain::SessionState::kEnded) PostSessionEnded(session.name.transport);
  });
  PostSync();
}

void Reconciler::BeginDrain() {
  Post([](Reconciler& self) {
    self.draining_ = true;
    for (const auto& [name, actor] : self.actors_) actor->Drain(self.InputOf(name));
  });
}

void Reconciler::Sync() {
  sync_retry_.reset();
  if (const absl::Status status = desired_.Refresh(unseen_); !status.ok()) {
    stats_.CountFailure();
    log::Error("the state store cannot be read; running transports go on",
               {{"error", MessageOf(status)}});
    sync_retry_ = loop_.After(backoff_.After(++sync_failure_count_), [this] { Sync(); });
    return;
  }
  sync_failure_count_ = 0;
  const std::set<domain::TransportName> changed = std::exchange(unseen_, {});
  // Addresses that are given up are free before others ask for them.
  for (const bool enabled : {false, true}) {
    for (const domain::TransportName& name : changed) {
      const domain::Transport* transport = desired_.transport(name);
      if ((transport != nullptr && transport->enabled) != enabled) continue;
      RunActor(name, Cause::kChanged);
    }
  }
}

void Reconciler::RunActor(const domain::TransportName& name, Cause cause) {
  if (!ActorOf(name).Run(InputOf(name), cause)) actors_.erase(name);
}

TransportActor& Reconciler::ActorOf(const domain::TransportName& name) {
  std::shared_ptr<TransportActor>& actor = actors_[name];
  if (actor == nullptr) {
    // The actor lives no longer than this.
    actor = std::make_shared<TransportActor>(env_, name,
                                             [this, name](Cause cause) { RunActor(name, cause); });
    if (draining_) actor->Drain({});
  }
  return *actor;
}

TransportActor::Input Reconciler::InputOf(const domain::TransportName& name) const {
  TransportActor::Input input;
  input.transport = desired_.transport(name);
  if (input.transport != nullptr) input.module = desired_.module(input.transport->module);
  input.assigned_port = desired_.port(name);
  input.store_revision = desired_.revision();
  return input;
}

}  // namespace penstock::app
