#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/app/modules.h"
#include "server/app/request_log.h"
#include "server/store/blob_store.h"
#include "server/store/state_store.h"
#include "server/workers/worker_pool.h"

namespace penstock::app {

// Runs work off the calling thread. From any thread.
using Executor = std::function<void(std::function<void()>)>;

class ModulesImpl final : public Modules {
 public:
  struct Limits {
    int64_t upload_byte_count_max = 64 << 20;
    uint32_t uploads_max = 16;  // at once
  };
  // All borrowed. `mutations` is held by every change of modules and transports.
  struct Dependencies {
    store::StateStore& store;
    store::BlobStore& blobs;
    workers::WorkerPool& pool;
    const Clock& clock;
    RequestLog& requests;
    std::mutex& mutations;
    Executor background;
  };

  ModulesImpl(Dependencies dependencies, Limits limits)
      : deps_(std::move(dependencies)), limits_(limits) {}

  // Removes bytes that no module names. Call at start, before there are callers.
  absl::Status CollectGarbage();

  absl::StatusOr<std::unique_ptr<Upload>> BeginUpload(UploadRequest request) override;
  absl::StatusOr<domain::Module> Get(const domain::ModuleName& name) override;
  absl::StatusOr<Page<domain::Module>> List(const domain::TenantName& parent, int32_t page_size,
                                            std::string_view page_token) override;
  absl::StatusOr<domain::Module> Update(UpdateRequest request) override;
  absl::Status Delete(const domain::ModuleName& name, std::string_view etag) override;

 private:
  friend class ModuleUpload;

  absl::Status CheckUpload(UploadRequest& request) const;
  // Errors of the name: taken, or by a request of this ID.
  absl::Status CheckName(const UploadRequest& request);
  // Checks the transports that use the module against what it is to become.
  absl::Status CheckUsers(const domain::Module& module);
  // Writes the module whose bytes are stored. With `mutations` held.
  absl::StatusOr<domain::Module> Store(const UploadRequest& request,
                                       const RepeatableRequest& repeatable,
                                       const workers::InspectedModule& inspected);
  // Removes the bytes unless a module names them. With `mutations` held.
  absl::Status RemoveUnused(const std::string& sha256);

  const Dependencies deps_;
  const Limits limits_;
  // Shared with uploads, which may end after this.
  const std::shared_ptr<std::atomic<uint32_t>> upload_count_ =
      std::make_shared<std::atomic<uint32_t>>(0);
};

}  // namespace penstock::app
