#include "server/app/app.h"

#include <gtest/gtest.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "server/app/testing/fakes.h"

namespace penstock::app {
namespace {

// A loop on a thread of its own, as in the daemon.
class LoopThread {
 public:
  LoopThread() : thread_([this] { io_.run(); }) {}
  ~LoopThread() { Stop(); }
  void Stop() {
    io_.stop();
    if (thread_.joinable()) thread_.join();
  }
  asio::io_context& io() { return io_; }

 private:
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> guard_{io_.get_executor()};
  std::thread thread_;
};

TEST(AsioControlLoopTest, PostsInOrderAndTimersCanBeCancelled) {
  asio::io_context io;
  AsioControlLoop loop(io);
  std::vector<int> order;
  auto cancelled = loop.After(std::chrono::milliseconds(1), [&] { order.push_back(9); });
  const auto kept = loop.After(std::chrono::milliseconds(2), [&] { order.push_back(3); });
  loop.Post([&] { order.push_back(1); });
  loop.Post([&] {
    order.push_back(2);
    cancelled.reset();
  });
  EXPECT_TRUE(order.empty());
  io.run();
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(AppTest, AnUploadedModuleCarriesATransport) {
  ScratchDirectory directory;
  store::MemoryStore store;
  const auto blobs = *store::BlobStore::Open(directory.path());
  workers::SessionRegistry registry(Clock::System());
  FakePool pool;
  FakeListeners listeners;
  LoopThread thread;
  AsioControlLoop loop(thread.io());
  std::optional<App> app;
  app.emplace(Dependencies{.store = store,
                           .blobs = *blobs,
                           .pool = pool,
                           .listeners = listeners,
                           .registry = registry,
                           .loop = loop});
  ASSERT_TRUE(app->Start().ok());

  const auto upload = app->modules().BeginUpload({.parent = {.tenant = "default"},
                                                  .module_id = "m",
                                                  .description = {},
                                                  .labels = {},
                                                  .sha256 = store::Sha256::HexOf("bytes"),
                                                  .byte_count = 5,
                                                  .request_id = {}});
  ASSERT_TRUE(upload.ok()) << upload.status();
  ASSERT_TRUE((*upload)->Append("bytes").ok());
  std::promise<absl::StatusOr<domain::Module>> stored;
  (*upload)->Finish([&](absl::StatusOr<domain::Module> module) { stored.set_value(module); });
  ASSERT_TRUE(stored.get_future().get().ok());

  std::promise<void> active;
  std::unique_ptr<Transports::Watch> watch;
  std::mutex mutex;
  bool told = false;
  const auto read = [&] {
    const std::lock_guard lock(mutex);
    if (watch == nullptr || told) return;
    for (auto change = watch->Next(); change.ok() && change->has_value(); change = watch->Next()) {
      told = told || (*change)->view.status.state == domain::TransportState::kActive;
    }
    if (told) active.set_value();
  };
  {
    const std::lock_guard lock(mutex);
    watch = *app->transports().StartWatch({.tenant = "default"}, 0, read);
  }
  Transports::CreateRequest request;
  request.parent = {.tenant = "default"};
  request.transport_id = "t";
  request.transport.module = {.tenant = "default", .module = "m"};
  request.transport.role = domain::Role::kDialer;
  request.transport.listen = "tcp://127.0.0.1:0";
  request.transport.remote = "tcp://example.com:443";
  request.transport.enabled = true;
  ASSERT_TRUE(app->transports().Create(request).ok());
  read();
  active.get_future().get();
  const domain::SessionName session{.transport = {.tenant = "default", .transport = "t"},
                                    .session_id = 1};
  EXPECT_EQ(domain::DetailOf(app->sessions().Terminate(session)).reason, "SESSION_NOT_FOUND");
  EXPECT_EQ(app->reconcile_stats().failure_count, 0u);
  watch.reset();
  thread.Stop();
  app.reset();
}

}  // namespace
}  // namespace penstock::app
