#include "server/workers/process_pool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/seqpacket.h"
#include "base/status.h"
#include "server/domain/error.h"
#include "server/net/testing/loop.h"
#include "server/net/timers.h"

namespace penstock::workers {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using State = WorkerStatus::State;

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
      if (worker.state != State::kReady) return false;
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
    pool_->VisitCounters([&total](const WorkerCounters& counters) {
      total += counters.instantiate_count;
    });
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

TEST_F(ProcessPoolTest, RefusesWhatIsNoProgram) {
  options_.worker_path = "/nonexistent/penstock-worker";
  const auto pool = MakeProcessPool({io_, dialer_, egress_, registry_, stats_}, options_);
  EXPECT_TRUE(absl::IsInvalidArgument(pool.status())) << pool.status();
}

TEST_F(ProcessPoolTest, WorkersInheritNothing) {
  options_.environment = {"ONLY=this"};
  const UniqueFd leaky(open("/dev/null", O_RDONLY));  // not close-on-exec
  StartReadyPool();
  EXPECT_EQ(pool_->isolation_mode(), "0,1,2,3,4 env=1");
  EXPECT_EQ(pool_->v8_version(), "fake");
}

TEST_F(ProcessPoolTest, CarriesASessionAndReportsItsFigures) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "echo")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(Echoes(client));
  ASSERT_THAT(List(), SizeIs(1));
  EXPECT_EQ(List()[0].state, domain::SessionState::kActive);
  EXPECT_EQ(List()[0].peer_address, "tcp://192.0.2.7:1234");
  EXPECT_EQ(List()[0].byte_count[0], 4u);
  EXPECT_EQ(pool_->status()[0].session_count, 1u);
  client.Reset();
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(List()[0].end_reason, EndReason::kCompleted);
  EXPECT_EQ(List()[0].end_message, "end of stream");
  EXPECT_EQ(List()[0].byte_count[1], 4u);
  EXPECT_EQ(pool_->status()[0].session_count, 0u);
  // The next session gets the slot anew.
  ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_EQ(List()[1].byte_count[0], 0u);
}

TEST_F(ProcessPoolTest, SpreadsSessionsOverWorkers) {
  StartReadyPool(2);
  ASSERT_TRUE(Put(Revision("t", "hold")).ok());
  std::array<UniqueFd, 6> clients;
  for (UniqueFd& client : clients) ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_EQ(pool_->status()[0].session_count, 3u);
  EXPECT_EQ(pool_->status()[1].session_count, 3u);
}

TEST_F(ProcessPoolTest, CompilesAModuleOncePerWorker) {
  StartReadyPool(2);
  ASSERT_TRUE(Put(Revision("a", "hold")).ok());
  ASSERT_TRUE(Put(Revision("b", "hold")).ok());
  uint64_t compile_count = 0;
  pool_->VisitCounters([&](const WorkerCounters& counters) {
    compile_count += counters.module_compile_count;
  });
  EXPECT_EQ(compile_count, 2u);
}

TEST_F(ProcessPoolTest, PutReportsAModuleThatCannotBeLoaded) {
  StartReadyPool();
  const absl::Status status = Put(Revision("t", "echo", "fail"));
  EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("no good"));
}

TEST_F(ProcessPoolTest, PutBeforeAnyWorkerIsReadyIsAnsweredByTheFirst) {
  StartPool();
  EXPECT_TRUE(Put(Revision("t", "echo")).ok());
}

TEST_F(ProcessPoolTest, ARevisionThatIsOvertakenEndsCancelled) {
  StartPool();
  absl::Status first;
  pool_->Put(Revision("t", "echo"), [&first](absl::Status status) { first = status; });
  EXPECT_TRUE(Put(Revision("t", "echo")).ok());
  EXPECT_TRUE(absl::IsCancelled(first)) << first;
}

TEST_F(ProcessPoolTest, NewSessionsGetTheNewRevisionAndOldOnesKeepTheirs) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "echo")).ok());
  UniqueFd old_client;
  ASSERT_TRUE(Connect("t", old_client).ok());
  ASSERT_TRUE(Put(Revision("t", "upstream")).ok());
  UniqueFd new_client;
  ASSERT_TRUE(Connect("t", new_client).ok());
  EXPECT_EQ(ReadAll(new_client), "the transport has no upstream address");
  EXPECT_TRUE(Echoes(old_client));
}

TEST_F(ProcessPoolTest, ARemovedTransportTakesNoSessionsButKeepsItsOwn) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "echo")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  pool_->Remove(Name("t"));
  UniqueFd late;
  EXPECT_TRUE(absl::IsNotFound(Connect("t", late)));
  EXPECT_EQ(ReadAll(late), "");
  EXPECT_TRUE(Echoes(client));
}

TEST_F(ProcessPoolTest, AKilledWorkerTakesOnlyItsOwnSessions) {
  StartReadyPool(2);
  ASSERT_TRUE(Put(Revision("t", "echo")).ok());
  std::array<UniqueFd, 2> clients;
  for (UniqueFd& client : clients) {
    ASSERT_TRUE(Connect("t", client).ok());
    ASSERT_TRUE(Echoes(client));
  }
  const domain::Session victim = List()[0];
  ASSERT_EQ(kill(pool_->status()[static_cast<size_t>(victim.worker)].pid, SIGKILL), 0);
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(registry_.Get(victim.name)->end_reason, EndReason::kWorkerLost);
  EXPECT_EQ(registry_.Get(victim.name)->byte_count[0], 4u);
  EXPECT_EQ(ReadAll(clients[0]), "");
  EXPECT_TRUE(Echoes(clients[1]));
  // The dead process's totals are not lost, and its place is filled and knows the transport.
  EXPECT_EQ(TotalInstances(), 2u);
  ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
  EXPECT_EQ(pool_->status()[static_cast<size_t>(victim.worker)].restart_count, 1u);
  ASSERT_TRUE(Connect("t", clients[0]).ok());
  EXPECT_TRUE(Echoes(clients[0]));
  EXPECT_EQ(TotalInstances(), 3u);
}

TEST_F(ProcessPoolTest, AWorkerThatAbortsIsReplaced) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("bad", "exit 9")).ok());
  ASSERT_TRUE(Put(Revision("good", "echo")).ok());
  for (uint64_t crash_count = 1; crash_count <= 3; ++crash_count) {
    UniqueFd client;
    ASSERT_TRUE(Connect("bad", client).ok());
    ASSERT_TRUE(RunUntilEnded(crash_count));
    ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
    EXPECT_EQ(pool_->status()[0].restart_count, crash_count);
  }
  UniqueFd client;
  ASSERT_TRUE(Connect("good", client).ok());
  EXPECT_TRUE(Echoes(client));
  EXPECT_EQ(stats_.protocol_violation_count, 0u);
}

TEST_F(ProcessPoolTest, AWorkerThatDoesNotSayHelloIsReplaced) {
  options_.worker_arguments = {"--silent"};
  options_.hello_timeout = std::chrono::milliseconds(10);
  StartPool();
  EXPECT_TRUE(RunUntil([this] { return pool_->status()[0].restart_count >= 2; }));
}

TEST_F(ProcessPoolTest, AWorkerThatEndsAtOnceIsStartedAgainAndAgain) {
  options_.worker_arguments = {"--exit"};
  StartPool();
  EXPECT_TRUE(RunUntil([this] { return pool_->status()[0].restart_count >= 3; }));
}

class BreachTest : public ProcessPoolTest, public testing::WithParamInterface<const char*> {};

TEST_P(BreachTest, CostsTheWorker) {
  StartReadyPool();
  auto revision = Revision("t", GetParam());
  revision->transport.remote = "tcp://hang:1";
  ASSERT_TRUE(Put(revision).ok());
  ASSERT_TRUE(Put(Revision("good", "echo")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(List()[0].end_reason, EndReason::kWorkerLost);
  EXPECT_EQ(stats_.protocol_violation_count, 1u);
  ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
  ASSERT_TRUE(Connect("good", client).ok());
  EXPECT_TRUE(Echoes(client));
}
INSTANTIATE_TEST_SUITE_P(All, BreachTest,
                         testing::Values("hello", "reason", "long-end", "long-line", "inspected",
                                         "loaded", "garbage", "descriptor", "unknown", "dial-flood",
                                         "dial-id"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(ProcessPoolTest, MessagesAboutForeignSessionsAreIgnored) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "stray")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(List()[0].end_reason, EndReason::kCompleted);
  EXPECT_EQ(stats_.stray_message_count, 3u);
  EXPECT_EQ(pool_->status()[0].restart_count, 0u);
}

TEST_F(ProcessPoolTest, HoldsToTheTransportsMostSessions) {
  StartReadyPool();
  auto revision = Revision("t", "hold");
  revision->transport.limits.sessions_max = 2;
  ASSERT_TRUE(Put(revision).ok());
  std::array<UniqueFd, 3> clients;
  EXPECT_TRUE(Connect("t", clients[0]).ok());
  EXPECT_TRUE(Connect("t", clients[1]).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Connect("t", clients[2])));
  EXPECT_EQ(ReadAll(clients[2]), "");
  EXPECT_EQ(Rejected(RejectReason::kSessionsMax), 1u);
  EXPECT_EQ(stats_.accepted_count, 3u);
}

// A worker that says Hello when the test opens the named pipe.
class LateWorkerTest : public ProcessPoolTest {
 protected:
  LateWorkerTest() {
    std::string name = testing::TempDir() + "/penstock-pool-XXXXXX";
    directory_ = mkdtemp(name.data());
    PENSTOCK_CHECK(mkfifo(fifo().c_str(), 0600) == 0);
    options_.worker_arguments = {"--await=" + fifo()};
  }
  ~LateWorkerTest() override { std::filesystem::remove_all(directory_); }
  std::string fifo() const { return directory_ + "/fifo"; }
  // Opening waits for the worker, and the worker for it.
  void LetSayHello() { UniqueFd(open(fifo().c_str(), O_WRONLY | O_CLOEXEC)).Reset(); }

  std::string directory_;
};

TEST_F(LateWorkerTest, ConnectionsWaitForTheFirstWorker) {
  options_.pending_max = 2;
  options_.pending_timeout = std::chrono::minutes(1);
  StartPool();
  pool_->Put(Revision("t", "echo"), [](const absl::Status&) {});
  std::array<UniqueFd, 3> clients;
  EXPECT_TRUE(Connect("t", clients[0]).ok());
  EXPECT_TRUE(Connect("t", clients[1]).ok());
  EXPECT_EQ(stats_.pending_count, 2u);
  EXPECT_TRUE(absl::IsUnavailable(Connect("t", clients[2])));
  EXPECT_EQ(Rejected(RejectReason::kQueueFull), 1u);
  EXPECT_TRUE(List().empty());
  LetSayHello();
  EXPECT_TRUE(Echoes(clients[0]));
  EXPECT_TRUE(Echoes(clients[1]));
  EXPECT_EQ(stats_.pending_count, 0u);
}

TEST_F(LateWorkerTest, ConnectionsThatWaitTooLongAreClosed) {
  options_.pending_timeout = std::chrono::milliseconds(1);
  StartPool();
  pool_->Put(Revision("t", "echo"), [](const absl::Status&) {});
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_EQ(ReadAll(client), "");
  EXPECT_EQ(Rejected(RejectReason::kNoWorker), 1u);
  EXPECT_EQ(stats_.pending_count, 0u);
}

TEST_F(LateWorkerTest, RemovingATransportClosesItsWaitingConnections) {
  StartPool();
  pool_->Put(Revision("t", "echo"), [](const absl::Status&) {});
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  pool_->Remove(Name("t"));
  EXPECT_EQ(ReadAll(client), "");
  EXPECT_EQ(Rejected(RejectReason::kNoTransport), 1u);
}

TEST_F(LateWorkerTest, ShutdownDoesNotWaitForHello) {
  StartPool();
  bool stopped = false;
  pool_->Shutdown(std::chrono::hours(1), [&stopped] { stopped = true; });
  EXPECT_TRUE(RunUntil([&stopped] { return stopped; }));
}

TEST_F(ProcessPoolTest, StopsOneSessionOrAllOfATransport) {
  StartReadyPool(2);
  ASSERT_TRUE(Put(Revision("a", "hold")).ok());
  ASSERT_TRUE(Put(Revision("b", "hold")).ok());
  std::array<UniqueFd, 4> clients;
  ASSERT_TRUE(Connect("a", clients[0]).ok());
  ASSERT_TRUE(Connect("a", clients[1]).ok());
  ASSERT_TRUE(Connect("a", clients[2]).ok());
  ASSERT_TRUE(Connect("b", clients[3]).ok());
  const domain::SessionName first = List()[0].name;
  EXPECT_TRUE(pool_->StopSession(first).ok());
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(registry_.Get(first)->end_reason, EndReason::kStopped);
  EXPECT_TRUE(absl::IsNotFound(pool_->StopSession(first)));
  pool_->StopSessions(Name("a"));
  ASSERT_TRUE(RunUntilEnded(3));
  EXPECT_EQ(registry_.CountLive(Name("b")), 1u);
}

TEST_F(ProcessPoolTest, StopSessionWantsTheRightTransport) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "hold")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  domain::SessionName foreign = List()[0].name;
  foreign.transport = Name("other");
  const absl::Status status = pool_->StopSession(foreign);
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(domain::DetailOf(status).reason, "SESSION_NOT_FOUND");
}

TEST_F(ProcessPoolTest, ShutdownEndsSessionsAndProcesses) {
  StartReadyPool(2);
  ASSERT_TRUE(Put(Revision("t", "hold")).ok());
  std::array<UniqueFd, 2> clients;
  for (UniqueFd& client : clients) ASSERT_TRUE(Connect("t", client).ok());
  bool stopped = false;
  pool_->Shutdown(std::chrono::hours(1), [&stopped] { stopped = true; });
  UniqueFd late;
  EXPECT_TRUE(absl::IsUnavailable(Connect("t", late)));
  ASSERT_TRUE(RunUntil([&stopped] { return stopped; }));
  EXPECT_TRUE(List(false).empty());
  for (const domain::Session& session : List()) EXPECT_EQ(session.end_message, "shutdown");
  for (const WorkerStatus& worker : pool_->status()) EXPECT_EQ(worker.restart_count, 0u);
}

TEST_F(ProcessPoolTest, ShutdownKillsWhatDoesNotEnd) {
  options_.worker_arguments = {"--ignore-shutdown"};
  options_.kill_delay = std::chrono::milliseconds(1);
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "hold")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  bool stopped = false;
  pool_->Shutdown(std::chrono::milliseconds(1), [&stopped] { stopped = true; });
  ASSERT_TRUE(RunUntil([&stopped] { return stopped; }));
  EXPECT_EQ(List()[0].end_reason, EndReason::kStopped);
}

struct DialCase {
  const char* name;
  const char* command;
  const char* remote;
  std::vector<std::string> dial_allow;
  const char* want;  // what the client reads
  DialTarget target;
  DialResult result;
};

class DialTest : public ProcessPoolTest, public testing::WithParamInterface<DialCase> {};

TEST_P(DialTest, IsAnswered) {
  const DialCase& c = GetParam();
  StartReadyPool();
  auto revision = Revision("t", c.command);
  revision->transport.remote = c.remote;
  revision->transport.upstream = c.remote;
  revision->transport.dial_allow = c.dial_allow;
  ASSERT_TRUE(Put(revision).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_THAT(ReadAll(client), HasSubstr(c.want));
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(Dials(c.target, c.result), 1u);
  EXPECT_EQ(List()[0].remote_address.empty(), c.result != DialResult::kConnected);
}
INSTANTIATE_TEST_SUITE_P(
    All, DialTest,
    testing::Values(
        DialCase{"Remote", "remote", "tcp://ok:7", {}, "connected", DialTarget::kRemote,
                 DialResult::kConnected},
        DialCase{"NoRemote", "remote", "", {}, "no remote", DialTarget::kRemote,
                 DialResult::kDenied},
        DialCase{"Upstream", "upstream", "unix:///ok", {}, "no such name", DialTarget::kUpstream,
                 DialResult::kResolveFailed},
        DialCase{"Allowed", "dial tcp ok:443", "", {"ok:443"}, "connected", DialTarget::kNamed,
                 DialResult::kConnected},
        DialCase{"OtherPort", "dial tcp ok:444", "", {"ok:443"}, "dial_allow", DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"NothingAllowed", "dial tcp ok:443", "tcp://ok:443", {}, "dial_allow",
                 DialTarget::kNamed, DialResult::kDenied},
        DialCase{"BadNetwork", "dial udp ok:443", "", {"*:*"}, "network", DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"BadAddress", "dial tcp nonsense", "", {"*:*"}, "nonsense", DialTarget::kNamed,
                 DialResult::kDenied},
        DialCase{"Unresolved", "dial tcp4 nowhere:1", "", {"*:*"}, "no such name",
                 DialTarget::kNamed, DialResult::kResolveFailed}),
    [](const auto& test) { return test.param.name; });

TEST_F(ProcessPoolTest, ADialEndsWithItsSession) {
  StartReadyPool();
  auto revision = Revision("t", "remote");
  revision->transport.remote = "tcp://hang:1";
  ASSERT_TRUE(Put(revision).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(RunUntil([this] { return !dialer_.dialed.empty(); }));
  pool_->StopSessions(Name("t"));
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(Dials(DialTarget::kRemote, DialResult::kCancelled), 1u);
}

TEST_F(ProcessPoolTest, TheModulesNetworkChoosesTheFamily) {
  StartReadyPool();
  auto revision = Revision("t", "dial tcp6 ok:1");
  revision->transport.dial_allow = {"ok:1"};
  ASSERT_TRUE(Put(revision).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  EXPECT_EQ(ReadAll(client), "connected");
  EXPECT_EQ(dialer_.families, net::DialOptions::Families::kV6Only);
}

class InspectTest : public ProcessPoolTest {
 protected:
  void Inspect(const std::string& sha256) {
    pool_->Inspect(sha256, std::make_shared<const UniqueFd>(*SealedMemfd("upload", "bytes")),
                   [this](auto result) { results_.push_back(std::move(result)); });
  }
  absl::StatusOr<InspectedModule> InspectNow(const std::string& sha256) {
    results_.clear();
    Inspect(sha256);
    EXPECT_TRUE(RunUntil([this] { return !results_.empty(); }));
    return results_.at(0);
  }

  std::vector<absl::StatusOr<InspectedModule>> results_;
};

TEST_F(InspectTest, DescribesAGoodModule) {
  StartPool();
  const auto module = InspectNow("good");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(module->roles, testing::ElementsAre(domain::Role::kListener));
  EXPECT_THAT(module->imports, testing::ElementsAre("env.water_accept"));
  EXPECT_EQ(module->memory_minimum_byte_count, 65536u);
  EXPECT_EQ(module->memory_maximum_byte_count, 131072u);
  EXPECT_EQ(stats_.inspecting_count, 0u);
}

TEST_F(InspectTest, RefusesBadOnesWithAReason) {
  options_.inspect_timeout = std::chrono::seconds(20);
  StartPool();
  const std::map<std::string, std::string> cases = {
      {"bad", "NOT_WASM"}, {"crash", "COMPILER_CRASHED"}, {"nonsense", "COMPILER_CRASHED"}};
  for (const auto& [sha256, reason] : cases) {
    const auto module = InspectNow(sha256);
    EXPECT_TRUE(absl::IsInvalidArgument(module.status())) << sha256;
    const domain::ErrorDetail detail = domain::DetailOf(module.status());
    EXPECT_EQ(detail.reason, reason);
    ASSERT_THAT(detail.field_violations, SizeIs(1));
    EXPECT_EQ(detail.field_violations[0].field, "chunk");
  }
  EXPECT_TRUE(InspectNow("good").ok());
}

TEST_F(InspectTest, DoesNotWaitForEver) {
  options_.inspect_timeout = std::chrono::milliseconds(50);
  StartPool();
  EXPECT_EQ(domain::DetailOf(InspectNow("hang").status()).reason, "COMPILE_TIMEOUT");
}

TEST_F(InspectTest, QueuesAndRefusesWhenTheQueueIsFull) {
  options_.inspect_processes_max = 1;
  options_.inspect_queue_max = 1;
  StartPool();
  Inspect("hang");
  Inspect("good");  // waits
  Inspect("good");  // refused
  ASSERT_TRUE(RunUntil([this] { return results_.size() == 1; }));
  EXPECT_TRUE(absl::IsResourceExhausted(results_[0].status()));
  EXPECT_EQ(domain::DetailOf(results_[0].status()).reason, "INSPECT_QUEUE_FULL");
  EXPECT_EQ(stats_.inspecting_count, 2u);
  // Those that run or wait are told when the server goes down.
  bool stopped = false;
  pool_->Shutdown(std::chrono::seconds(0), [&stopped] { stopped = true; });
  ASSERT_TRUE(RunUntil([&] { return stopped && results_.size() == 3; }));
  EXPECT_TRUE(absl::IsUnavailable(results_[1].status()));
  EXPECT_TRUE(absl::IsUnavailable(results_[2].status()));
}

TEST_F(InspectTest, MayBeCalledFromAnyThread) {
  StartPool();
  std::thread other([this] { Inspect("good"); });
  EXPECT_TRUE(RunUntil([this] { return !results_.empty(); }));
  other.join();
  EXPECT_TRUE(results_[0].ok());
}

TEST_F(ProcessPoolTest, OtherThreadsMayLookWhileWorkersComeAndGo) {
  options_.worker_arguments = {"--exit"};
  options_.worker_count = 2;
  StartPool();
  std::atomic<bool> done{false};
  std::thread scraper([this, &done] {
    while (!done) {
      EXPECT_THAT(pool_->status(), SizeIs(2));
      (void)TotalInstances();
      (void)pool_->v8_version();
    }
  });
  EXPECT_TRUE(RunUntil([this] { return pool_->status()[1].restart_count >= 5; }));
  done = true;
  scraper.join();
}

TEST_F(ProcessPoolTest, DestroyingThePoolLeavesNoProcess) {
  StartReadyPool();
  const int pid = pool_->status()[0].pid;
  pool_.reset();
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace penstock::workers
