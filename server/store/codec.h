#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "server/domain/resources.h"
#include "server/store/state_store.h"

namespace penstock::store {

// Resources as the bytes of proto/penstock/state/v1/state.proto, and back. The name and the
// revision are not in the bytes: they are the key and its mod_revision. Decoding fails with
// DATA_LOSS, naming the key.

std::string Encode(const domain::Module& module);
absl::StatusOr<domain::Module> DecodeModule(const KeyValue& kv);

std::string Encode(const domain::Transport& transport);
absl::StatusOr<domain::Transport> DecodeTransport(const KeyValue& kv);

// The answer to a request that may come again.
struct CompletedRequest {
  std::string method;          // which call it was
  std::string request_sha256;  // of its arguments
  std::string resource_name;   // what it made
  WallTime complete_time;
};
std::string Encode(const CompletedRequest& request);
absl::StatusOr<CompletedRequest> DecodeCompletedRequest(const KeyValue& kv);

// The value of a PortKey().
std::string EncodePort(uint16_t port);
absl::StatusOr<uint16_t> DecodePort(const KeyValue& kv);

}  // namespace penstock::store
