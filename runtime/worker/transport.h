#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "penstock/worker/v1/worker.pb.h"
#include "runtime/v8/compiled_module.h"
#include "runtime/wasi/mem_fs.h"
#include "runtime/wasm/inspector.h"

namespace penstock::worker {

// Times that a session of a transport is bound by.
struct SessionLimits {
  std::chrono::nanoseconds handshake_timeout{};
  std::chrono::nanoseconds idle_timeout{};
  std::chrono::nanoseconds lifetime{};  // 0 is no limit
  std::chrono::nanoseconds cpu_burst{};
  std::chrono::nanoseconds stop_grace{};
};

// One revision of a transport. Immutable; shared by its sessions.
struct Transport {
  std::string name;
  std::string tenant;  // "tenants/{tenant}" of the name: instances are never shared beyond it
  std::shared_ptr<const engine::CompiledModule> module;
  wasm::Role role{};
  SessionLimits limits;
  bool has_remote = false;
  bool has_dial_allow = false;
  wasi::MemNodePtr files;  // the guest's /conf/; null when there are none
};

// Makes a transport of penstockd's message and the sealed memfd of its files. INVALID_ARGUMENT if
// either makes no sense.
absl::StatusOr<std::shared_ptr<const Transport>> MakeTransport(
    const v1::PutTransport& request, const UniqueFd& files_fd,
    std::shared_ptr<const engine::CompiledModule> module, const Clock& clock);

}  // namespace penstock::worker
