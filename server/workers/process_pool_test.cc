#include "server/workers/process_pool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string>

#include "base/check.h"
#include "base/status.h"
#include "server/domain/error.h"
#include "server/workers/testing/pool_fixture.h"

namespace penstock::workers {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

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
  // Payload may overtake the worker's message.
  EXPECT_TRUE(RunUntil([this] { return List()[0].state == domain::SessionState::kActive; }));
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
  pool_->VisitCounters(
      [&](const WorkerCounters& counters) { compile_count += counters.module_compile_count; });
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

}  // namespace
}  // namespace penstock::workers
