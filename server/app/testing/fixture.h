#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "server/app/modules_impl.h"
#include "server/app/reconciler.h"
#include "server/app/request_log.h"
#include "server/app/testing/fakes.h"
#include "server/app/transport_status_table.h"
#include "server/app/transports_impl.h"
#include "server/store/blob_store.h"

namespace penstock::app {

// The use cases on fakes; what would run in the background runs at once.
class AppFixture : public testing::Test {
 protected:
  static constexpr const char* kRequestId = "123e4567-e89b-42d3-a456-426614174000";

  AppFixture() { modules_ = std::make_unique<ModulesImpl>(ModuleDeps(), ModulesImpl::Limits{}); }

  ModulesImpl::Dependencies ModuleDeps() {
    return {.store = store_,
            .blobs = *blobs_,
            .pool = pool_,
            .clock = clock_,
            .requests = requests_,
            .mutations = mutations_,
            .background = [](const std::function<void()>& work) { work(); }};
  }

  static Modules::UploadRequest UploadOf(const std::string& id, const std::string& bytes) {
    Modules::UploadRequest request;
    request.parent = {.tenant = "default"};
    request.module_id = id;
    request.sha256 = store::Sha256::HexOf(bytes);
    request.byte_count = static_cast<int64_t>(bytes.size());
    return request;
  }
  absl::StatusOr<domain::Module> Upload(const Modules::UploadRequest& request,
                                        const std::string& bytes) {
    auto upload = modules_->BeginUpload(request);
    if (!upload.ok()) return upload.status();
    if (!(*upload)->complete()) {
      if (absl::Status status = (*upload)->Append(bytes); !status.ok()) return status;
    }
    std::optional<absl::StatusOr<domain::Module>> result;
    (*upload)->Finish([&](absl::StatusOr<domain::Module> module) { result = std::move(module); });
    return *std::move(result);
  }
  domain::Module Upload(const std::string& id, const std::string& bytes = "bytes") {
    auto module = Upload(UploadOf(id, bytes), bytes);
    EXPECT_TRUE(module.ok()) << module.status();
    return *std::move(module);
  }

  static domain::TransportName NameOf(const std::string& id) {
    return {.tenant = "default", .transport = id};
  }
  static Transports::CreateRequest CreateOf(const std::string& id) {
    Transports::CreateRequest request;
    request.parent = {.tenant = "default"};
    request.transport_id = id;
    request.transport.name = NameOf(id);
    request.transport.module = {.tenant = "default", .module = "m"};
    request.transport.role = domain::Role::kDialer;
    request.transport.listen = "tcp://127.0.0.1:0";
    request.transport.remote = "tcp://example.com:443";
    request.transport.enabled = true;
    return request;
  }
  TransportView Create(const Transports::CreateRequest& request) {
    auto view = transports_.Create(request);
    EXPECT_TRUE(view.ok()) << view.status();
    return *std::move(view);
  }
  TransportView Create(const std::string& id, const std::string& listen = "tcp://127.0.0.1:0",
                       bool enabled = true) {
    Transports::CreateRequest request = CreateOf(id);
    request.transport.listen = listen;
    request.transport.enabled = enabled;
    return Create(request);
  }
  TransportView Update(const std::string& id, const std::string& path,
                       const std::function<void(domain::Transport&)>& change) {
    Transports::UpdateRequest request;
    request.transport.name = NameOf(id);
    change(request.transport);
    request.update_mask = {path};
    auto view = transports_.Update(request);
    EXPECT_TRUE(view.ok()) << view.status();
    return *std::move(view);
  }
  TransportView Get(const std::string& id) { return *transports_.Get(NameOf(id)); }

  static std::string ReasonOf(const absl::Status& status) {
    return domain::DetailOf(status).reason;
  }
  static std::string FieldOf(const absl::Status& status) {
    const auto detail = domain::DetailOf(status);
    return detail.field_violations.empty() ? "" : detail.field_violations[0].field;
  }

  ScratchDirectory directory_;
  FakeClock clock_;
  FailingStore store_;
  std::unique_ptr<store::BlobStore> blobs_ = *store::BlobStore::Open(directory_.path());
  FakePool pool_;
  FakeListeners listeners_;
  FakeLoop loop_;
  workers::SessionRegistry registry_{clock_};
  TransportStatusTable statuses_;
  RequestLog requests_{store_, clock_};
  std::mutex mutations_;
  std::unique_ptr<ModulesImpl> modules_;
  TransportsImpl transports_{{.store = store_,
                              .registry = registry_,
                              .statuses = statuses_,
                              .clock = clock_,
                              .requests = requests_,
                              .mutations = mutations_,
                              .background = [](const std::function<void()>& work) { work(); }}};
};

}  // namespace penstock::app
