#pragma once

#include <cstddef>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/seqpacket.h"
#include "penstock/worker/v1/worker.pb.h"

namespace penstock::workers {

namespace pb = ::penstock::worker::v1;

// What a worker may say at most. Texts in bytes.
inline constexpr size_t kVersionTextMax = 256;
inline constexpr size_t kMessageTextMax = 4096;  // errors, end messages, guest lines
inline constexpr size_t kDialTextMax = 256;
inline constexpr size_t kReasonTextMax = 64;
inline constexpr size_t kImportsMax = 4096;
// Dials of one session that may be under way at once.
inline constexpr size_t kSessionDialsMax = 8;

// Reads a packet from a worker. Everything that can be judged from the message alone is judged
// here; INVALID_ARGUMENT means that the worker broke the protocol.
absl::StatusOr<pb::FromWorker> Decode(const Packet& packet);

// Puts `message` and the descriptors that travel with it into a packet.
Packet Encode(const pb::ToWorker& message, std::vector<UniqueFd> fds);

}  // namespace penstock::workers
