#include "server/app/desired_state.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/status.h"
#include "server/store/codec.h"
#include "server/store/keys.h"

namespace penstock::app {
namespace {

// A damaged value is as good as none; one of them must not stop all others.
template <typename T>
std::optional<T> ValueOrLog(absl::StatusOr<T> decoded) {
  if (decoded.ok()) return *std::move(decoded);
  log::Error("ignoring a damaged resource", {{"error", MessageOf(decoded.status())}});
  return std::nullopt;
}

bool HasPrefix(std::string_view key, std::string_view prefix) {
  return key.substr(0, prefix.size()) == prefix;
}

template <typename Map>
const typename Map::mapped_type* Find(const Map& map, const typename Map::key_type& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

}  // namespace

absl::Status DesiredState::Refresh(std::set<domain::TransportName>& changed) {
  if (!complete_) return ReadAll(changed);
  const absl::Status status = ReadEvents(changed);
  // Fell behind what the store keeps.
  if (absl::IsOutOfRange(status)) return ReadAll(changed);
  return status;
}

absl::Status DesiredState::ReadAll(std::set<domain::TransportName>& changed) {
  complete_ = false;
  ASSIGN_OR_RETURN(store::RangeResult transports, store_.Range(store::kTransportsPrefix, "", 0));
  ASSIGN_OR_RETURN(store::RangeResult modules, store_.Range(store::kModulesPrefix, "", 0));
  ASSIGN_OR_RETURN(store::RangeResult ports, store_.Range(store::kPortsPrefix, "", 0));
  for (const auto& [name, transport] : transports_) changed.insert(name);
  transports_.clear();
  modules_.clear();
  ports_.clear();
  users_.clear();
  for (const store::KeyValue& kv : ports.kvs) {
    SetPort(kv.key, ValueOrLog(store::DecodePort(kv)), changed);
  }
  for (const store::KeyValue& kv : modules.kvs) {
    SetModule(kv.key, ValueOrLog(store::DecodeModule(kv)), changed);
  }
  for (const store::KeyValue& kv : transports.kvs) {
    SetTransport(kv.key, ValueOrLog(store::DecodeTransport(kv)), changed);
  }
  // The oldest of the three: what came between them is applied again.
  revision_ = transports.revision;
  complete_ = true;
  return absl::OkStatus();
}

absl::Status DesiredState::ReadEvents(std::set<domain::TransportName>& changed) {
  ASSIGN_OR_RETURN(const int64_t now, store_.Revision());
  ASSIGN_OR_RETURN(const std::vector<store::Event> events, store_.EventsSince("/", revision_));
  for (const store::Event& event : events) {
    Apply(event, changed);
    revision_ = event.kv.mod_revision;
  }
  revision_ = std::max(revision_, now);
  return absl::OkStatus();
}

void DesiredState::Apply(const store::Event& event, std::set<domain::TransportName>& changed) {
  const store::KeyValue& kv = event.kv;
  const bool put = event.kind == store::Event::Kind::kPut;
  if (HasPrefix(kv.key, store::kTransportsPrefix)) {
    SetTransport(kv.key, put ? ValueOrLog(store::DecodeTransport(kv)) : std::nullopt, changed);
  } else if (HasPrefix(kv.key, store::kModulesPrefix)) {
    SetModule(kv.key, put ? ValueOrLog(store::DecodeModule(kv)) : std::nullopt, changed);
  } else if (HasPrefix(kv.key, store::kPortsPrefix)) {
    SetPort(kv.key, put ? ValueOrLog(store::DecodePort(kv)) : std::nullopt, changed);
  }
}

void DesiredState::SetTransport(const std::string& key, std::optional<domain::Transport> transport,
                                std::set<domain::TransportName>& changed) {
  const std::optional<domain::TransportName> name = store::TransportNameOf(key);
  if (!name) return;
  changed.insert(*name);
  if (const auto old = transports_.find(*name); old != transports_.end()) {
    users_[old->second.module].erase(*name);
    transports_.erase(old);
  }
  if (!transport) return;
  users_[transport->module].insert(*name);
  transports_.emplace(*name, *std::move(transport));
}

void DesiredState::SetModule(const std::string& key, std::optional<domain::Module> module,
                             std::set<domain::TransportName>& changed) {
  const std::optional<domain::ModuleName> name = store::ModuleNameOf(key);
  if (!name) return;
  modules_.erase(*name);
  if (module) modules_.emplace(*name, *std::move(module));
  const auto users = users_.find(*name);
  if (users == users_.end()) return;
  if (users->second.empty()) {
    users_.erase(users);
  } else {
    changed.insert(users->second.begin(), users->second.end());
  }
}

void DesiredState::SetPort(const std::string& key, std::optional<uint16_t> port,
                           std::set<domain::TransportName>& changed) {
  const std::optional<domain::TransportName> name = store::TransportNameOfPortKey(key);
  if (!name) return;
  ports_.erase(*name);
  if (port) ports_.emplace(*name, *port);
  changed.insert(*name);
}

const domain::Transport* DesiredState::transport(const domain::TransportName& name) const {
  return Find(transports_, name);
}

const domain::Module* DesiredState::module(const domain::ModuleName& name) const {
  return Find(modules_, name);
}

uint16_t DesiredState::port(const domain::TransportName& name) const {
  const uint16_t* port = Find(ports_, name);
  return port == nullptr ? 0 : *port;
}

}  // namespace penstock::app
