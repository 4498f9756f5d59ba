#include "server/api/upload.h"

#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/status.h"
#include "fmt/format.h"
#include "grpcpp/alarm.h"
#include "server/api/conversions.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

using Upload = app::Modules::Upload;

// One call of UploadModule.
//
// gRPC's callbacks come one at a time, but an alarm, the server's shutdown and the end of the
// inspection come on threads of their own; whoever marks the call ended first gives its status.
class UploadReactor final : public grpc::ServerReadReactor<pb::UploadModuleRequest>,
                            public Stream,
                            public std::enable_shared_from_this<UploadReactor> {
 public:
  UploadReactor(Gateway& gateway, app::Modules& modules, std::chrono::nanoseconds idle_timeout,
                pb::Module* response)
      : gateway_(gateway), modules_(modules), idle_timeout_(idle_timeout), response_(response) {}

  void Begin() {
    self_ = shared_from_this();
    if (!gateway_.Enter(self_)) return End(Gateway::ShuttingDown());
    ReadNext();
  }

  void End(const absl::Status& status) override { EndWith(status, nullptr); }

  void OnReadDone(bool ok) override {
    idle_.reset();
    if (ended()) return;
    const absl::Status status = ok ? Accept() : Complete();
    if (!status.ok()) return End(status);
    if (ok && !finishing_) ReadNext();
  }

  void OnCancel() override { End(absl::CancelledError("the caller went away")); }

  void OnDone() override {
    idle_.reset();
    gateway_.Leave(self_);
    self_.reset();
  }

 private:
  bool ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

  // Reads one more message, unless none comes in time.
  void ReadNext() {
    // An alarm of its own each time: setting one again while it fires is not allowed.
    idle_.emplace().Set(std::chrono::system_clock::now() + idle_timeout_,
                        [weak = weak_from_this()](bool expired) {
                          if (!expired) return;
                          if (auto self = weak.lock()) self->End(self->TimedOut());
                        });
    std::lock_guard lock(mutex_);
    if (!ended_) StartRead(&request_);
  }

  absl::Status TimedOut() const {
    return domain::MakeError(
        absl::StatusCode::kDeadlineExceeded,
        fmt::format("no message of the upload came within {} ms",
                    std::chrono::duration_cast<std::chrono::milliseconds>(idle_timeout_).count()),
        domain::ErrorDetail{"UPLOAD_IDLE", {}, {}, {}, {}});
  }

  absl::Status Accept() { return upload_ == nullptr ? AcceptHeader() : AcceptChunk(); }

  absl::Status AcceptHeader() {
    if (!request_.has_header()) {
      return domain::InvalidField("header", "MISSING_HEADER",
                                  "the first message of an upload must carry its header");
    }
    const pb::UploadModuleHeader& header = request_.header();
    RETURN_IF_ERROR(Gateway::CheckTenant(header.parent()));
    ASSIGN_OR_RETURN(app::Modules::UploadRequest request, UploadRequestFromProto(header, "header"));
    ASSIGN_OR_RETURN(upload_, modules_.BeginUpload(std::move(request)));
    if (upload_->complete()) FinishUpload();
    return absl::OkStatus();
  }

  absl::Status AcceptChunk() {
    if (request_.has_header()) {
      return domain::InvalidField("header", "DUPLICATE_HEADER",
                                  "only the first message of an upload may carry a header");
    }
    if (request_.chunk().size() > kUploadChunkByteCountMax) {
      return domain::InvalidField("chunk", "CHUNK_TOO_LARGE",
                                  fmt::format("a chunk has {} bytes; at most {} are allowed",
                                              request_.chunk().size(), kUploadChunkByteCountMax));
    }
    return upload_->Append(request_.chunk());
  }

  // The caller has sent everything.
  absl::Status Complete() {
    if (upload_ == nullptr) {
      return domain::InvalidField("header", "MISSING_HEADER",
                                  "the upload ended before its header came");
    }
    if (!finishing_) FinishUpload();
    return absl::OkStatus();
  }

  void FinishUpload() {
    finishing_ = true;
    // It goes on without the object; keeping that would keep this reactor too.
    const std::unique_ptr<Upload> upload = std::move(upload_);
    upload->Finish([self = shared_from_this()](absl::StatusOr<domain::Module> result) {
      self->EndWith(result.status(), result.ok() ? &*result : nullptr);
    });
  }

  // The response is written under the lock: the call's memory is gone once it has ended.
  void EndWith(const absl::Status& status, const domain::Module* module) {
    {
      std::lock_guard lock(mutex_);
      if (ended_) return;
      ended_ = true;
      if (module != nullptr) *response_ = ToProto(*module);
    }
    Finish(gateway_.Complete(Rpc::kUploadModule, begin_, status));
  }

  Gateway& gateway_;
  app::Modules& modules_;
  const std::chrono::nanoseconds idle_timeout_;
  pb::Module* const response_;
  const MonotonicTime begin_ = gateway_.Now();
  std::shared_ptr<UploadReactor> self_;  // until OnDone()
  pb::UploadModuleRequest request_;
  std::unique_ptr<Upload> upload_;
  bool finishing_ = false;
  std::optional<grpc::Alarm> idle_;  // while a message is awaited
  std::mutex mutex_;
  bool ended_ = false;  // guarded by mutex_
};

}  // namespace

grpc::ServerReadReactor<pb::UploadModuleRequest>* StartUpload(Gateway& gateway,
                                                              app::Modules& modules,
                                                              std::chrono::nanoseconds idle_timeout,
                                                              pb::Module* response) {
  auto reactor = std::make_shared<UploadReactor>(gateway, modules, idle_timeout, response);
  reactor->Begin();
  return reactor.get();
}

}  // namespace penstock::api
