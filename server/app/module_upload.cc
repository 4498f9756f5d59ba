#include "server/app/module_upload.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "base/status.h"
#include "server/app/lookup.h"
#include "server/domain/error.h"

namespace penstock::app {
namespace {

absl::Status WrongSize(uint64_t byte_count, int64_t announced) {
  return domain::InvalidField(
      "header.size_bytes", "SIZE_MISMATCH",
      fmt::format("{} bytes were announced, {} are there", announced, byte_count));
}

absl::StatusOr<UniqueFd> LoadKnown(const store::BlobStore& blobs,
                                   const Modules::UploadRequest& request) {
  ASSIGN_OR_RETURN(UniqueFd bytes, blobs.LoadSealed(request.sha256));
  struct stat info {};
  if (fstat(bytes.get(), &info) != 0) return ErrnoStatus(errno, "fstat of module bytes");
  if (info.st_size == request.byte_count) return bytes;
  return WrongSize(static_cast<uint64_t>(info.st_size), request.byte_count);
}

}  // namespace

std::unique_ptr<UploadSlot> UploadSlot::Take(std::shared_ptr<std::atomic<uint32_t>> count,
                                             uint32_t count_max) {
  uint32_t taken = count->load();
  do {
    if (taken >= count_max) return nullptr;
  } while (!count->compare_exchange_weak(taken, taken + 1));
  return std::unique_ptr<UploadSlot>(new UploadSlot(std::move(count)));
}

ModuleUpload::ModuleUpload(ModulesImpl& modules, Modules::UploadRequest request,
                           RepeatableRequest repeatable, std::unique_ptr<UploadSlot> slot,
                           std::unique_ptr<store::BlobStore::Writer> writer, bool repeated)
    : job_(new Job{.modules = modules,
                   .background = modules.deps_.background,
                   .request = std::move(request),
                   .repeatable = std::move(repeatable),
                   .slot = std::move(slot),
                   .writer = std::move(writer),
                   .repeated = repeated,
                   .done = {}}) {}

absl::Status ModuleUpload::Append(std::string_view chunk) {
  if (complete()) return absl::OkStatus();  // bytes that are known need not be looked at
  const uint64_t byte_count = job_->writer->byte_count() + chunk.size();
  if (byte_count > static_cast<uint64_t>(job_->request.byte_count)) {
    return WrongSize(byte_count, job_->request.byte_count);
  }
  return job_->writer->Append(chunk);
}

void ModuleUpload::Finish(Done done) {
  job_->done = std::move(done);
  // Syncing may take long; the caller's thread serves others.
  job_->background([job = job_] { Verify(job); });
}

void ModuleUpload::Verify(const std::shared_ptr<Job>& job) {
  if (job->repeated) {
    return End(*job, FindModule(job->modules.deps_.store, {.tenant = job->request.parent.tenant,
                                                           .module = job->request.module_id}));
  }
  auto bytes = Load(*job);
  if (!bytes.ok()) return End(*job, bytes.status());
  Inspect(job, *std::move(bytes));
}

absl::StatusOr<UniqueFd> ModuleUpload::Load(Job& job) {
  if (job.writer == nullptr) return LoadKnown(job.modules.deps_.blobs, job.request);
  if (job.writer->byte_count() != static_cast<uint64_t>(job.request.byte_count)) {
    return WrongSize(job.writer->byte_count(), job.request.byte_count);
  }
  ASSIGN_OR_RETURN(const std::string sha256, job.writer->Finish());
  if (sha256 != job.request.sha256) {
    return domain::InvalidField("header.sha256", "DIGEST_MISMATCH",
                                fmt::format("the bytes that came have the SHA-256 {}", sha256));
  }
  return job.writer->LoadSealed();
}

void ModuleUpload::Inspect(const std::shared_ptr<Job>& job, UniqueFd bytes) {
  job->modules.deps_.pool.Inspect(job->request.sha256,
                                  std::make_shared<const UniqueFd>(std::move(bytes)),
                                  [job](absl::StatusOr<workers::InspectedModule> inspected) {
                                    // The loop's thread must not wait for the disk.
                                    job->background([job, inspected = std::move(inspected)] {
                                      if (!inspected.ok()) return End(*job, inspected.status());
                                      End(*job, Store(*job, *inspected));
                                    });
                                  });
}

absl::StatusOr<domain::Module> ModuleUpload::Store(Job& job,
                                                   const workers::InspectedModule& inspected) {
  ModulesImpl& modules = job.modules;
  const std::lock_guard lock(modules.deps_.mutations);
  // The same request may have come twice at once.
  ASSIGN_OR_RETURN(const auto earlier, modules.deps_.requests.Find(job.repeatable));
  if (earlier) {
    return FindModule(modules.deps_.store,
                      {.tenant = job.request.parent.tenant, .module = job.request.module_id});
  }
  if (job.writer == nullptr && !modules.deps_.blobs.Contains(job.request.sha256)) {
    return absl::UnavailableError("the stored bytes were deleted at this moment; upload again");
  }
  const bool stored_here = job.writer != nullptr && !job.request.validate_only;
  if (stored_here) RETURN_IF_ERROR(job.writer->Commit());
  auto module = modules.Store(job.request, job.repeatable, inspected);
  if (!module.ok() && stored_here) (void)modules.RemoveUnused(job.request.sha256);
  return module;
}

void ModuleUpload::End(Job& job, absl::StatusOr<domain::Module> result) {
  const Done done = std::move(job.done);
  // Before the answer: whoever has it may count on the slot and on nothing being left.
  job.writer.reset();
  job.slot.reset();
  done(std::move(result));
}

}  // namespace penstock::app
