#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/domain/address.h"

namespace penstock::api {

// INVALID_ARGUMENT with reason ADDRESS_NOT_LOOPBACK for a TCP address that other machines can
// reach: there are no credentials yet, and without them only this machine may talk to the server.
// `what` names the setting.
absl::Status RequireLocal(const domain::Address& address, std::string_view what);

// Checks that the server can listen on `address`, saying precisely why not, and removes a stale
// Unix socket that nobody listens on. ALREADY_EXISTS with reason ADDRESS_IN_USE.
absl::Status PrepareToListen(const domain::Address& address);

// How gRPC writes `address`.
std::string GrpcAddress(const domain::Address& address);

}  // namespace penstock::api
