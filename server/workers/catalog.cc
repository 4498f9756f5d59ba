#include "server/workers/catalog.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/seqpacket.h"
#include "base/status.h"

namespace penstock::workers {
namespace {

absl::StatusOr<std::vector<UniqueFd>> Duplicate(const UniqueFd& fd) {
  UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return ErrnoStatus(errno, "F_DUPFD_CLOEXEC");
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(copy));
  return fds;
}

}  // namespace

void Catalog::Put(std::shared_ptr<const TransportRevision> revision, Done done) {
  absl::StatusOr<Route> made = MakeRoute(revision);
  if (!made.ok()) {
    return DeliverSoon([done = std::move(done), status = made.status()] { done(status); });
  }
  const domain::TransportName name = revision->transport.name;
  Cancel(name, "a newer revision of the transport took its place");
  made->transport_key = next_transport_key_++;
  made->module_key = modules_.Acquire(revision->module_sha256,
                                      MemoryByteCountMax(revision->transport), revision->module_fd);
  const auto route = std::make_shared<const Route>(*std::move(made));
  const std::shared_ptr<const Route> previous = std::exchange(routes_[name], route);
  std::set<int> workers;
  for (const auto& [index, knowledge] : workers_) workers.insert(index);
  waits_.Add(name, route->module_key, std::move(workers), std::move(done));
  for (auto& [index, knowledge] : workers_) Load(knowledge, route->module_key);
  // After the new one has taken the module, lest it be unloaded and loaded again.
  if (previous != nullptr) Retire(*previous);
}

void Catalog::Remove(const domain::TransportName& transport) {
  const auto found = routes_.find(transport);
  if (found == routes_.end()) return;
  Cancel(transport, "the transport was removed");
  const std::shared_ptr<const Route> route = found->second;
  routes_.erase(found);
  Retire(*route);
}

std::shared_ptr<const Route> Catalog::Find(const domain::TransportName& transport) const {
  const auto found = routes_.find(transport);
  return found == routes_.end() ? nullptr : found->second;
}

void Catalog::OnReady(WorkerLink& worker) {
  Knowledge& knowledge = workers_[worker.index()];
  knowledge = {.link = &worker, .modules = {}, .transports = {}};
  for (const auto& [key, module] : modules_.modules()) {
    waits_.OnLoading(worker.index(), key);
    Load(knowledge, key);
  }
}

void Catalog::OnLost(int worker) {
  workers_.erase(worker);
  for (auto& call : waits_.OnLost(worker)) DeliverSoon(std::move(call));
}

absl::Status Catalog::OnModuleLoaded(int worker, const pb::ModuleLoaded& loaded) {
  const auto known = workers_.find(worker);
  if (known == workers_.end()) return absl::OkStatus();
  const auto module = known->second.modules.find(loaded.module_key());
  // Unloaded while the answer was under way.
  if (module == known->second.modules.end()) return absl::OkStatus();
  if (module->second != ModuleState::kLoading) {
    return absl::InvalidArgumentError("ModuleLoaded without LoadModule");
  }
  absl::Status status;
  if (!loaded.error().empty()) {
    status = absl::FailedPreconditionError(
        fmt::format("worker {} cannot load the module: {}", worker, loaded.error()));
    log::Error("module cannot be loaded",
               {{"worker", std::to_string(worker)}, {"error", loaded.error()}});
  }
  module->second = status.ok() ? ModuleState::kLoaded : ModuleState::kFailed;
  for (auto& call : waits_.OnLoaded(worker, loaded.module_key(), status)) {
    DeliverSoon(std::move(call));
  }
  return absl::OkStatus();
}

Catalog::ModuleState Catalog::StateOn(int worker, uint64_t module_key) const {
  const auto known = workers_.find(worker);
  if (known == workers_.end()) return ModuleState::kUnknown;
  const auto module = known->second.modules.find(module_key);
  return module == known->second.modules.end() ? ModuleState::kUnknown : module->second;
}

absl::Status Catalog::Introduce(WorkerLink& worker, const Route& route) {
  Knowledge& knowledge = workers_[worker.index()];
  if (knowledge.transports.contains(route.transport_key)) return absl::OkStatus();
  ASSIGN_OR_RETURN(UniqueFd files,
                   SealedMemfd("penstock-files", SerializedFiles(route.transport())));
  std::vector<UniqueFd> fds;
  fds.push_back(std::move(files));
  worker.Send(PutTransportMessage(route), std::move(fds));
  knowledge.transports.insert(route.transport_key);
  return absl::OkStatus();
}

void Catalog::Load(Knowledge& knowledge, uint64_t module_key) {
  const int worker = knowledge.link->index();
  ModuleState& state = knowledge.modules[module_key];
  if (state == ModuleState::kLoaded) {
    for (auto& call : waits_.OnLoaded(worker, module_key, absl::OkStatus())) {
      DeliverSoon(std::move(call));
    }
  }
  // What failed is tried again: it may have been for want of memory.
  if (state == ModuleState::kLoaded || state == ModuleState::kLoading) return;
  const ModuleDirectory::Module& module = modules_.modules().at(module_key);
  absl::StatusOr<std::vector<UniqueFd>> fds = Duplicate(*module.fd);
  if (!fds.ok()) {
    state = ModuleState::kFailed;
    for (auto& call : waits_.OnLoaded(worker, module_key, fds.status())) {
      DeliverSoon(std::move(call));
    }
    return;
  }
  state = ModuleState::kLoading;
  pb::ToWorker message;
  message.mutable_load_module()->set_sha256(module.sha256);
  message.mutable_load_module()->set_memory_bytes_max(module.memory_byte_count_max);
  message.mutable_load_module()->set_module_key(module_key);
  knowledge.link->Send(message, *std::move(fds));
}

void Catalog::Retire(const Route& route) {
  pb::ToWorker remove;
  remove.mutable_remove_transport()->set_transport_key(route.transport_key);
  for (auto& [index, knowledge] : workers_) {
    if (knowledge.transports.erase(route.transport_key) > 0) knowledge.link->Send(remove);
  }
  if (!modules_.Release(route.module_key)) return;
  pb::ToWorker unload;
  unload.mutable_unload_module()->set_module_key(route.module_key);
  for (auto& [index, knowledge] : workers_) {
    if (knowledge.modules.erase(route.module_key) > 0) knowledge.link->Send(unload);
  }
}

void Catalog::Cancel(const domain::TransportName& transport, std::string_view why) {
  Done done = waits_.Take(transport);
  if (done == nullptr) return;
  DeliverSoon(
      [done = std::move(done), why = std::string(why)] { done(absl::CancelledError(why)); });
}

void Catalog::DeliverSoon(std::function<void()> call) {
  const uint64_t delivery = next_delivery_++;
  deliveries_[delivery] = timers_.After({}, [this, delivery, call = std::move(call)] {
    deliveries_.erase(delivery);
    call();
  });
}

}  // namespace penstock::workers
