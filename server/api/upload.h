#pragma once

#include <chrono>

#include "grpcpp/support/server_callback.h"
#include "penstock/v1/module.pb.h"
#include "server/api/gateway.h"
#include "server/app/modules.h"

namespace penstock::api {

// Most bytes in one chunk of an upload.
inline constexpr size_t kUploadChunkByteCountMax = 1 << 20;

// Starts to read an upload. The next message is read when the last one has been stored, so a fast
// sender is held back by the wire. `idle_timeout` ends an upload of which no message comes;
// a caller that goes away takes its bytes with it.
//
// Ownership: the reactor frees itself when the call is over. Borrows the rest until then.
grpc::ServerReadReactor<::penstock::v1::UploadModuleRequest>* StartUpload(
    Gateway& gateway, app::Modules& modules, std::chrono::nanoseconds idle_timeout,
    ::penstock::v1::Module* response);

}  // namespace penstock::api
