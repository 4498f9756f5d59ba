#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "server/app/modules.h"
#include "server/app/sessions.h"
#include "server/app/transports.h"
#include "server/domain/error.h"
#include "server/workers/worker_pool.h"

// Stand-ins for what the services delegate to: they record what they were asked, and answer what
// the test says.
namespace penstock::api::testing {

inline domain::ModuleName ModuleNamed(std::string id) { return {"default", std::move(id)}; }
inline domain::TransportName TransportNamed(std::string id) { return {"default", std::move(id)}; }

inline absl::Status NotFoundError(const std::string& name) {
  return domain::MakeError(absl::StatusCode::kNotFound, name + " does not exist",
                           domain::ErrorDetail{"NOT_FOUND", {}, {}, "penstock.dev/Thing", name});
}

class FakeModules final : public app::Modules {
 public:
  // What became of one upload. Shared, for it outlives the upload.
  struct UploadLog {
    std::mutex mutex;
    UploadRequest request;
    std::string bytes;
    bool destroyed = false;
  };

  class FakeUpload final : public Upload {
   public:
    FakeUpload(FakeModules& modules, std::shared_ptr<UploadLog> log)
        : modules_(modules), log_(std::move(log)) {}
    ~FakeUpload() override {
      std::lock_guard lock(log_->mutex);
      log_->destroyed = true;
    }
    bool complete() const override { return log_->request.sha256 == modules_.known_sha256; }
    absl::Status Append(std::string_view chunk) override {
      std::lock_guard lock(log_->mutex);
      log_->bytes += chunk;
      if (log_->bytes.size() > modules_.byte_count_max) {
        return absl::ResourceExhaustedError("module too large");
      }
      return absl::OkStatus();
    }
    void Finish(std::function<void(absl::StatusOr<domain::Module>)> done) override {
      domain::Module module;
      module.name = ModuleNamed(log_->request.module_id);
      module.byte_count = log_->bytes.size();
      if (modules_.hold_finish) {
        modules_.held = std::move(done);
      } else {
        done(modules_.finish_status.ok() ? absl::StatusOr<domain::Module>(module)
                                         : modules_.finish_status);
      }
    }

   private:
    FakeModules& modules_;
    const std::shared_ptr<UploadLog> log_;
  };

  absl::StatusOr<std::unique_ptr<Upload>> BeginUpload(UploadRequest request) override {
    if (!begin_status.ok()) return begin_status;
    log = std::make_shared<UploadLog>();
    log->request = std::move(request);
    return std::make_unique<FakeUpload>(*this, log);
  }
  absl::StatusOr<domain::Module> Get(const domain::ModuleName& name) override {
    const auto at = modules.find(name.module);
    if (at == modules.end()) return NotFoundError(name.ToString());
    return at->second;
  }
  absl::StatusOr<app::Page<domain::Module>> List(const domain::TenantName& /*parent*/,
                                                 int32_t page_size,
                                                 std::string_view page_token) override {
    list_page_size = page_size;
    list_page_token = page_token;
    app::Page<domain::Module> page;
    for (const auto& [id, module] : modules) page.items.push_back(module);
    page.next_page_token = "next";
    return page;
  }
  absl::StatusOr<domain::Module> Update(UpdateRequest request) override {
    update = std::move(request);
    return Get(update.name);
  }
  absl::Status Delete(const domain::ModuleName& name, std::string_view etag) override {
    delete_etag = etag;
    return Get(name).status();
  }

  std::map<std::string, domain::Module> modules;
  std::string known_sha256 = "known";
  size_t byte_count_max = 64u << 20;
  absl::Status begin_status;
  absl::Status finish_status;
  bool hold_finish = false;
  std::function<void(absl::StatusOr<domain::Module>)> held;
  std::shared_ptr<UploadLog> log;  // of the last upload
  UpdateRequest update;
  std::string delete_etag;
  int32_t list_page_size = 0;
  std::string list_page_token;
};

class FakeTransports final : public app::Transports {
 public:
  // The one watch's queue, which the test fills.
  struct Feed {
    std::mutex mutex;
    std::deque<absl::StatusOr<app::TransportChange>> changes;
    std::function<void()> on_ready;

    void Push(absl::StatusOr<app::TransportChange> change) {
      {
        std::lock_guard lock(mutex);
        changes.push_back(std::move(change));
      }
      on_ready();
    }
  };

  class FakeWatch final : public Watch {
   public:
    explicit FakeWatch(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
    absl::StatusOr<std::optional<app::TransportChange>> Next() override {
      std::lock_guard lock(feed_->mutex);
      if (feed_->changes.empty()) return std::nullopt;
      absl::StatusOr<app::TransportChange> next = std::move(feed_->changes.front());
      feed_->changes.pop_front();
      if (!next.ok()) return next.status();
      return std::optional(*std::move(next));
    }

   private:
    const std::shared_ptr<Feed> feed_;
  };

  absl::StatusOr<app::TransportView> Create(CreateRequest request) override {
    create = std::move(request);
    if (!create_status.ok()) return create_status;
    app::TransportView view{create.transport, {}};
    view.transport.name = TransportNamed(create.transport_id);
    return view;
  }
  absl::StatusOr<app::TransportView> Get(const domain::TransportName& name) override {
    const auto at = views.find(name.transport);
    if (at == views.end()) return NotFoundError(name.ToString());
    return at->second;
  }
  absl::StatusOr<app::Page<app::TransportView>> List(const domain::TenantName& /*parent*/,
                                                     int32_t /*page_size*/,
                                                     std::string_view /*page_token*/) override {
    app::Page<app::TransportView> page;
    for (const auto& [id, view] : views) page.items.push_back(view);
    return page;
  }
  absl::StatusOr<app::TransportView> Update(UpdateRequest request) override {
    update = std::move(request);
    return app::TransportView{update.transport, {}};
  }
  absl::Status Delete(const domain::TransportName& name, std::string_view /*etag*/) override {
    return Get(name).status();
  }
  absl::StatusOr<app::TransportView> SetEnabled(const domain::TransportName& name, bool enabled,
                                                std::string_view etag) override {
    enabled_etag = etag;
    ASSIGN_OR_RETURN(app::TransportView view, Get(name));
    view.transport.enabled = enabled;
    return view;
  }
  absl::StatusOr<std::unique_ptr<Watch>> StartWatch(const domain::TenantName& /*parent*/,
                                                    int64_t revision,
                                                    std::function<void()> on_ready) override {
    watch_revision = revision;
    feed->on_ready = std::move(on_ready);
    return std::make_unique<FakeWatch>(feed);
  }

  std::map<std::string, app::TransportView> views;
  absl::Status create_status;
  CreateRequest create;
  UpdateRequest update;
  std::string enabled_etag;
  int64_t watch_revision = -1;
  const std::shared_ptr<Feed> feed = std::make_shared<Feed>();
};

class FakeSessions final : public app::Sessions {
 public:
  absl::Status Terminate(const domain::SessionName& name) override {
    terminated = name;
    return absl::OkStatus();
  }

  std::optional<domain::SessionName> terminated;
};

class FakePool final : public workers::WorkerPool {
 public:
  void Put(std::shared_ptr<const workers::TransportRevision>,
           std::function<void(absl::Status)>) override {}
  void Remove(const domain::TransportName&) override {}
  absl::Status StartSession(const domain::TransportName&, UniqueFd, std::string) override {
    return absl::OkStatus();
  }
  void StopSessions(const domain::TransportName&) override {}
  absl::Status StopSession(const domain::SessionName&) override { return absl::OkStatus(); }
  void Inspect(std::string, std::shared_ptr<const UniqueFd>,
               std::function<void(absl::StatusOr<workers::InspectedModule>)>) override {}
  void Shutdown(std::chrono::nanoseconds, std::function<void()>) override {}
  std::vector<workers::WorkerStatus> status() const override {
    return {{.index = 0,
             .pid = 42,
             .state = workers::WorkerStatus::State::kReady,
             .session_count = 3,
             .restart_count = 1}};
  }
  std::string v8_version() const override { return "10.2"; }
  std::string isolation_mode() const override { return "strict"; }
  void VisitCounters(const std::function<void(const WorkerCounters&)>&) const override {}
};

}  // namespace penstock::api::testing
