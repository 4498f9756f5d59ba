#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/domain/address.h"
#include "server/workers/protocol.h"
#include "server/workers/worker_pool.h"

namespace penstock::workers {

// A revision of a transport with what the pool made of it. Immutable; a session holds the one that
// it began with.
struct Route {
  std::shared_ptr<const TransportRevision> revision;
  uint64_t transport_key = 0;
  uint64_t module_key = 0;
  std::optional<domain::Address> remote;
  std::optional<domain::Address> upstream;
  std::vector<domain::DialPattern> dial_allow;

  const domain::Transport& transport() const { return revision->transport; }
  uint32_t sessions_max() const;
};

// Reads the revision's addresses and patterns; keys are left for the caller. INVALID_ARGUMENT about
// the field that does not parse.
absl::StatusOr<Route> MakeRoute(std::shared_ptr<const TransportRevision> revision);

// Linear memory of an instance of the transport, bytes.
uint64_t MemoryByteCountMax(const domain::Transport& transport);

// The message that tells a worker of the route, without its files.
pb::ToWorker PutTransportMessage(const Route& route);
// What its memfd holds: a serialized pb::TransportFiles.
std::string SerializedFiles(const domain::Transport& transport);

}  // namespace penstock::workers
