#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/seqpacket.h"
#include "server/net/testing/loop.h"
#include "server/net/timers.h"
#include "server/workers/process_pool.h"

namespace penstock::workers {

// Answers each dial by its host: "ok" with a connected socket, "hang" never, everything else with
// NOT_FOUND.
class FakeDialer final : public net::Dialer {
 public:
  explicit FakeDialer(asio::io_context& io) : timers_(io) {}

  Handle Dial(const domain::Address& address, net::DialOptions options,
              std::function<void(absl::StatusOr<net::DialOutcome>)> done) override {
    dialed.push_back(address.ToString());
    families = options.families;
    if (address.host == "hang") return std::make_shared<int>();
    return timers_.After({}, [this, address, done = std::move(done)] {
      if (address.host != "ok") return done(absl::NotFoundError("no such name"));
      std::array<int, 2> pair{};
      PENSTOCK_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
      far_ends.emplace_back(pair[1]);
      done(net::DialOutcome{.socket = UniqueFd(pair[0]), .address = address.ToString()});
    });
  }

  std::vector<std::string> dialed;
  net::DialOptions::Families families{};
  std::vector<UniqueFd> far_ends;

 private:
  net::AsioTimers timers_;
};

// A pool of fake workers (fake_worker.cc) and what it needs.
class ProcessPoolTest : public testing::Test {
 protected:
  ProcessPoolTest() {
    options_.worker_path = PENSTOCK_FAKE_WORKER;
    // What a sanitizer is told holds for its children, too.
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"}) {
      if (const char* value = getenv(name)) {
        options_.environment.push_back(std::string(name) + "=" + value);
      }
    }
    options_.respawn_delay_min = std::chrono::milliseconds(1);
    options_.respawn_delay_max = std::chrono::milliseconds(2);
  }

  void StartPool() {
    auto pool = MakeProcessPool({io_, dialer_, egress_, registry_, stats_}, options_);
    ASSERT_TRUE(pool.ok()) << pool.status();
    pool_ = *std::move(pool);
  }

  bool RunUntil(const std::function<bool()>& condition) { return net::RunUntil(io_, condition); }

  bool AllReady() {
    for (const WorkerStatus& worker : pool_->status()) {
      if (worker.state != WorkerStatus::State::kReady) return false;
    }
    return true;
  }

  void StartReadyPool(int worker_count = 1) {
    options_.worker_count = worker_count;
    StartPool();
    ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
  }

  static domain::TransportName Name(const std::string& id) { return {"default", id}; }

  static std::shared_ptr<TransportRevision> Revision(const std::string& id,
                                                     const std::string& command,
                                                     const std::string& sha256 = "digest") {
    auto revision = std::make_shared<TransportRevision>();
    revision->transport.name = Name(id);
    revision->transport.role = domain::Role::kListener;
    revision->transport.files["watm.cfg"] = command;
    revision->module_sha256 = sha256;
    revision->module_fd = std::make_shared<const UniqueFd>(*SealedMemfd("module", "bytes"));
    return revision;
  }

  // Puts and waits for the result.
  absl::Status Put(std::shared_ptr<const TransportRevision> revision) {
    std::optional<absl::Status> result;
    pool_->Put(std::move(revision), [&result](absl::Status status) { result = status; });
    if (!RunUntil([&result] { return result.has_value(); })) return absl::UnknownError("no answer");
    return *result;
  }

  // Starts a session; `client` is the far end of its connection.
  absl::Status Connect(const std::string& id, UniqueFd& client) {
    std::array<int, 2> pair{};
    PENSTOCK_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair.data()) == 0);
    client = UniqueFd(pair[0]);
    return pool_->StartSession(Name(id), UniqueFd(pair[1]), "tcp://192.0.2.7:1234");
  }

  // What comes out of the connection until its end.
  std::string ReadAll(const UniqueFd& client) {
    std::string text;
    bool ended = false;
    EXPECT_TRUE(RunUntil([&] {
      std::array<char, 256> buffer;
      ssize_t size = 0;
      while ((size = read(client.get(), buffer.data(), buffer.size())) > 0) {
        text.append(buffer.data(), static_cast<size_t>(size));
      }
      ended = size == 0;
      return ended;
    }));
    return text;
  }

  bool Echoes(const UniqueFd& client) {
    if (write(client.get(), "ping", 4) != 4) return false;
    return RunUntil([&client] {
      std::array<char, 8> buffer;
      return read(client.get(), buffer.data(), buffer.size()) == 4;
    });
  }

  std::vector<domain::Session> List(bool show_ended = true) {
    return registry_.List(Name("-"), 0, 1000, show_ended);
  }

  bool RunUntilEnded(size_t count) {
    return RunUntil([this, count] { return List(true).size() - List(false).size() == count; });
  }

  uint64_t TotalInstances() {
    uint64_t total = 0;
    pool_->VisitCounters(
        [&total](const WorkerCounters& counters) { total += counters.instantiate_count; });
    return total;
  }

  uint64_t Rejected(RejectReason reason) {
    return stats_.rejected_count[static_cast<size_t>(reason)];
  }
  uint64_t Dials(DialTarget target, DialResult result) {
    return stats_.dial_count[static_cast<size_t>(target)][static_cast<size_t>(result)];
  }

  asio::io_context io_;
  FakeDialer dialer_{io_};
  net::AllowListPolicy egress_;
  SessionRegistry registry_{Clock::System()};
  PoolStats stats_;
  ProcessPoolOptions options_;
  std::unique_ptr<WorkerPool> pool_;
};

}  // namespace penstock::workers
