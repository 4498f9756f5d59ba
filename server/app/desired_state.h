#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "server/domain/resources.h"
#include "server/store/state_store.h"

namespace penstock::app {

// The reconciler's copy of what is stored, followed by revision. Not safe across threads.
class DesiredState final {
 public:
  // Borrows `store`.
  explicit DesiredState(store::StateStore& store) : store_(store) {}

  // Reads what changed since the last call (the first time: everything), and adds the names of the
  // transports that it touches to `changed`. After an error the next call does it all again.
  absl::Status Refresh(std::set<domain::TransportName>& changed);

  // Null when there is none.
  const domain::Transport* transport(const domain::TransportName& name) const;
  const domain::Module* module(const domain::ModuleName& name) const;
  // The port that the transport was given; 0: none yet.
  uint16_t port(const domain::TransportName& name) const;
  int64_t revision() const { return revision_; }

 private:
  absl::Status ReadAll(std::set<domain::TransportName>& changed);
  absl::Status ReadEvents(std::set<domain::TransportName>& changed);
  void Apply(const store::Event& event, std::set<domain::TransportName>& changed);
  // These take what a key has now; nullopt: nothing.
  void SetTransport(const std::string& key, std::optional<domain::Transport> transport,
                    std::set<domain::TransportName>& changed);
  void SetModule(const std::string& key, std::optional<domain::Module> module,
                 std::set<domain::TransportName>& changed);
  void SetPort(const std::string& key, std::optional<uint16_t> port,
               std::set<domain::TransportName>& changed);

  store::StateStore& store_;
  bool complete_ = false;
  int64_t revision_ = 0;
  std::map<domain::TransportName, domain::Transport> transports_;
  std::map<domain::ModuleName, domain::Module> modules_;
  std::map<domain::TransportName, uint16_t> ports_;
  std::map<domain::ModuleName, std::set<domain::TransportName>> users_;
};

}  // namespace penstock::app
