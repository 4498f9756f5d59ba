#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "server/app/control_loop.h"
#include "server/domain/error.h"
#include "server/net/listener.h"
#include "server/store/memory_store.h"
#include "server/workers/worker_pool.h"

namespace penstock::app {

// A loop that runs when it is told to, and whose timers fire when it is told to.
class FakeLoop final : public ControlLoop {
 public:
  void Post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  Timer After(std::chrono::nanoseconds delay, std::function<void()> work) override {
    auto timer = std::make_shared<std::function<void()>>(std::move(work));
    timers_.push_back(timer);
    delays.push_back(delay);
    return timer;
  }

  void Run() {
    while (auto work = Take()) work();
  }
  // Fires all timers that are set now, then runs.
  void FireTimers() {
    for (const auto& weak : std::exchange(timers_, {})) {
      if (const auto timer = weak.lock()) (*timer)();
    }
    Run();
  }
  size_t timer_count() const {
    size_t count = 0;
    for (const auto& timer : timers_) count += timer.expired() ? 0 : 1;
    return count;
  }

  std::vector<std::chrono::nanoseconds> delays;

 private:
  std::function<void()> Take() {
    const std::lock_guard lock(mutex_);
    if (posted_.empty()) return nullptr;
    auto work = std::move(posted_.front());
    posted_.pop_front();
    return work;
  }

  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::vector<std::weak_ptr<std::function<void()>>> timers_;
};

// Listens on nothing, by the rules of a kernel: an address is bound once.
class FakeListeners final : public net::ListenerFactory {
 public:
  absl::StatusOr<std::unique_ptr<net::Listener>> Listen(const domain::Address& address,
                                                        OnAccept on_accept) override {
    domain::Address bound = address;
    if (bound.kind == domain::Address::Kind::kTcp && bound.port == 0) bound.port = next_port++;
    const std::string text = bound.ToString();
    log.push_back("listen " + text);
    if (open.contains(text) || foreign.contains(text)) {
      return domain::MakeError(absl::StatusCode::kAlreadyExists, "address in use",
                               {.reason = "PORT_IN_USE",
                                .metadata = {},
                                .field_violations = {},
                                .resource_type = {},
                                .resource_name = {}});
    }
    open[text] = std::move(on_accept);
    return std::make_unique<FakeListener>(*this, std::move(bound));
  }

  uint16_t next_port = 40'000;
  std::set<std::string> foreign;         // bound by somebody else
  std::map<std::string, OnAccept> open;  // bound by us
  std::vector<std::string> log;

 private:
  class FakeListener final : public net::Listener {
   public:
    FakeListener(FakeListeners& factory, domain::Address bound)
        : factory_(factory), bound_(std::move(bound)) {}
    ~FakeListener() override {
      factory_.log.push_back("close " + bound_.ToString());
      factory_.open.erase(bound_.ToString());
    }
    const domain::Address& bound_address() const override { return bound_; }

   private:
    FakeListeners& factory_;
    const domain::Address bound_;
  };
};

// Workers that do as the test says.
class FakePool final : public workers::WorkerPool {
 public:
  void Put(std::shared_ptr<const workers::TransportRevision> revision,
           std::function<void(absl::Status)> done) override {
    const std::string name = revision->transport.name.transport;
    log.push_back("put " + name);
    current[name] = std::move(revision);
    if (hold_loads) {
      held.push_back(std::move(done));
    } else {
      done(load_status);
    }
  }
  void Remove(const domain::TransportName& transport) override {
    log.push_back("remove " + transport.transport);
    current.erase(transport.transport);
  }
  absl::Status StartSession(const domain::TransportName& transport, UniqueFd,
                            std::string) override {
    log.push_back("session " + transport.transport);
    return absl::OkStatus();
  }
  void StopSessions(const domain::TransportName& transport) override {
    log.push_back("stop " + transport.transport);
  }
  absl::Status StopSession(const domain::SessionName& session) override {
    log.push_back("stop " + session.ToString());
    return absl::OkStatus();
  }
  void Inspect(std::string, std::shared_ptr<const UniqueFd>,
               std::function<void(absl::StatusOr<workers::InspectedModule>)> done) override {
    ++inspect_count;
    done(inspected);
  }
  void Shutdown(std::chrono::nanoseconds, std::function<void()> done) override { done(); }
  std::vector<workers::WorkerStatus> status() const override { return {}; }
  std::string v8_version() const override { return "fake"; }
  std::string isolation_mode() const override { return "strict"; }
  void VisitCounters(const std::function<void(const WorkerCounters&)>&) const override {}

  absl::Status load_status;
  bool hold_loads = false;
  std::vector<std::function<void(absl::Status)>> held;
  std::map<std::string, std::shared_ptr<const workers::TransportRevision>> current;
  std::vector<std::string> log;
  int inspect_count = 0;
  absl::StatusOr<workers::InspectedModule> inspected =
      workers::InspectedModule{.roles = {domain::Role::kDialer},
                               .imports = {"env.water_dial_fixed"},
                               .memory_minimum_byte_count = 65536,
                               .memory_maximum_byte_count = {}};
};

// A store whose medium fails when it is told to.
class FailingStore final : public store::StateStore {
 public:
  absl::StatusOr<std::optional<store::KeyValue>> Get(std::string_view key) override {
    if (!failure.ok()) return failure;
    return store_.Get(key);
  }
  absl::StatusOr<store::RangeResult> Range(std::string_view prefix, std::string_view after,
                                           size_t limit) override {
    if (!failure.ok()) return failure;
    return store_.Range(prefix, after, limit);
  }
  absl::StatusOr<int64_t> Commit(const std::vector<store::Compare>& compares,
                                 const std::vector<store::Op>& ops) override {
    if (!failure.ok()) return failure;
    return store_.Commit(compares, ops);
  }
  absl::StatusOr<int64_t> Revision() override { return store_.Revision(); }
  absl::StatusOr<std::vector<store::Event>> EventsSince(std::string_view prefix,
                                                        int64_t revision) override {
    if (!failure.ok()) return failure;
    return store_.EventsSince(prefix, revision);
  }
  Subscription Subscribe(std::function<void(int64_t)> listener) override {
    return store_.Subscribe(std::move(listener));
  }

  absl::Status failure;

 private:
  store::MemoryStore store_;
};

// A directory that goes with the test.
class ScratchDirectory final {
 public:
  ScratchDirectory() {
    std::string pattern = testing::TempDir() + "/penstock_app_XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace penstock::app
