#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"
#include "server/app/modules_impl.h"

namespace penstock::app {

// One of the uploads that may be under way at once, given back when destroyed.
class UploadSlot final {
 public:
  // Null when all are taken.
  static std::unique_ptr<UploadSlot> Take(std::shared_ptr<std::atomic<uint32_t>> count,
                                          uint32_t count_max);
  ~UploadSlot() { count_->fetch_sub(1); }
  UploadSlot(const UploadSlot&) = delete;
  UploadSlot& operator=(const UploadSlot&) = delete;

 private:
  explicit UploadSlot(std::shared_ptr<std::atomic<uint32_t>> count) : count_(std::move(count)) {}
  const std::shared_ptr<std::atomic<uint32_t>> count_;
};

// See Modules::Upload. Borrows the modules, which must outlive it and what Finish() began.
class ModuleUpload final : public Modules::Upload {
 public:
  using Done = std::function<void(absl::StatusOr<domain::Module>)>;

  // Without a `writer` the bytes are stored already; `repeated` when the whole request was served
  // before.
  ModuleUpload(ModulesImpl& modules, Modules::UploadRequest request, RepeatableRequest repeatable,
               std::unique_ptr<UploadSlot> slot, std::unique_ptr<store::BlobStore::Writer> writer,
               bool repeated);

  bool complete() const override { return job_->writer == nullptr; }
  absl::Status Append(std::string_view chunk) override;
  void Finish(Done done) override;

 private:
  // What goes on after Finish(), without this object.
  struct Job {
    ModulesImpl& modules;  // used on the background executor only, which ends before it
    Executor background;
    Modules::UploadRequest request;
    RepeatableRequest repeatable;
    std::unique_ptr<UploadSlot> slot;
    std::unique_ptr<store::BlobStore::Writer> writer;
    bool repeated = false;
    Done done;
  };
  // The steps of Finish(), each on the background executor or the loop.
  static void Verify(const std::shared_ptr<Job>& job);
  static absl::StatusOr<UniqueFd> Load(Job& job);
  static void Inspect(const std::shared_ptr<Job>& job, UniqueFd bytes);
  static absl::StatusOr<domain::Module> Store(Job& job, const workers::InspectedModule& inspected);
  static void End(Job& job, absl::StatusOr<domain::Module> result);

  std::shared_ptr<Job> job_;
};

}  // namespace penstock::app
