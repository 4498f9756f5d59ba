// Every kind of load on the backend itself, and on servers that misbehave.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "tests/bench/load/backend.h"
#include "tests/bench/load/bulk.h"
#include "tests/bench/load/idle_hold.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/ping_pong.h"
#include "tests/bench/load/session_rate.h"
#include "tests/bench/load/socket.h"

namespace penstock::bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

sockaddr_in AnyPort() { return *ParseEndpoint("127.0.0.1:0"); }

std::unique_ptr<Backend> StartBackend(BackendMode mode) { return *Backend::Start(AnyPort(), mode); }

auto HasNoFailure() { return HasSubstr(R"("failures": 0,)"); }

// Accepts one connection after the other and answers each piece with what `answer` makes of it; an
// empty answer closes.
class OddServer final {
 public:
  using Answer = std::function<std::string(std::string piece)>;
  explicit OddServer(Answer answer)
      : answer_(std::move(answer)), listener_(*Listen(AnyPort())), thread_([this] { Serve(); }) {}
  ~OddServer() {
    stopping_ = true;
    thread_.join();
  }
  sockaddr_in address() const { return *BoundAddress(listener_.get()); }

 private:
  bool WaitReadable(int fd) const {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    while (!stopping_) {
      if (::poll(&waiting, 1, /*timeout=*/10) > 0) return true;
    }
    return false;
  }

  void Serve() {
    while (WaitReadable(listener_.get())) {
      if (UniqueFd fd = Accept(listener_.get())) ServeOne(fd.get());
    }
  }

  void ServeOne(int fd) const {
    std::array<std::byte, 4096> buffer;
    while (WaitReadable(fd)) {
      const auto read = ReadSome(fd, buffer);
      if (!read.ok() || read->byte_count == 0) return;
      const std::string reply =
          answer_(std::string(reinterpret_cast<const char*>(buffer.data()), read->byte_count));
      if (reply.empty()) return;
      (void)WriteSome(fd, std::as_bytes(std::span(reply)));
    }
  }

  const Answer answer_;
  std::atomic<bool> stopping_{false};
  const UniqueFd listener_;
  std::thread thread_;
};

OddServer::Answer Closing() {
  return [](const std::string&) { return std::string(); };
}
OddServer::Answer Flipping() {
  return [](std::string piece) {
    piece.back() = static_cast<char>(piece.back() ^ 1);
    return piece;
  };
}

TEST(Bulk, EveryByteArrives) {
  for (const BackendMode mode : {BackendMode::kSink, BackendMode::kAckedSink, BackendMode::kEcho}) {
    const std::unique_ptr<Backend> backend = StartBackend(mode);
    const auto report = RunBulk({.target = backend->address(),
                                 .connection_count = 3,
                                 .window_byte_count = mode == BackendMode::kSink ? 0u : 131'072u,
                                 .unit_count_max = 20'000'000},
                                mode, *backend);
    ASSERT_TRUE(report.ok());
    EXPECT_THAT(report->ToJson(), HasNoFailure());
    EXPECT_GE(backend->counters().received_byte_count, 20'000'000u);
    EXPECT_EQ(backend->counters().accepted_count, 3u);
    EXPECT_EQ(backend->counters().mismatch_count, 0u);
  }
}

TEST(Bulk, AnEchoWithoutAWindowRunsFreely) {
  const std::unique_ptr<Backend> backend = StartBackend(BackendMode::kEcho);
  const auto report = RunBulk({.target = backend->address(), .unit_count_max = 50'000'000},
                              BackendMode::kEcho, *backend);
  EXPECT_THAT(report->ToJson(), HasNoFailure());
}

TEST(Bulk, SaysWhenEchoedBytesDiffer) {
  const OddServer server(Flipping());
  const std::unique_ptr<Backend> unused = StartBackend(BackendMode::kEcho);
  const auto report =
      RunBulk({.target = server.address(), .window_byte_count = 1000, .unit_count_max = 1'000'000},
              BackendMode::kEcho, *unused);
  EXPECT_THAT(report->ToJson(), AllOf(Not(HasNoFailure()), HasSubstr("bytes differ")));
}

TEST(Bulk, SaysWhenTheConnectionEnds) {
  const OddServer server(Closing());
  const std::unique_ptr<Backend> unused = StartBackend(BackendMode::kEcho);
  const auto report = RunBulk({.target = server.address(), .unit_count_max = 1'000'000},
                              BackendMode::kEcho, *unused);
  EXPECT_THAT(report->ToJson(), Not(HasNoFailure()));
}

TEST(Sink, CountsWhatIsNotThePattern) {
  const std::unique_ptr<Backend> backend = StartBackend(BackendMode::kSink);
  const UniqueFd fd = *StartConnect(backend->address());
  const std::span<const std::byte> shifted = Pattern::Get().At(1, 100);
  const BackendCounters& counters = backend->counters();
  while (WriteSome(fd.get(), shifted)->transfer == Transfer::kWouldBlock) {
  }
  while (counters.received_byte_count < shifted.size()) std::this_thread::yield();
  EXPECT_GE(counters.mismatch_count, 1u);
}

TEST(PingPong, CountsAndTimesExchanges) {
  const std::unique_ptr<Backend> backend = StartBackend(BackendMode::kEcho);
  for (const size_t message_byte_count : {size_t{1}, size_t{4}, size_t{1024}, kMessageMax_bytes}) {
    const auto report = RunPingPong({.target = backend->address(),
                                     .connection_count = 2,
                                     .message_byte_count = message_byte_count,
                                     .unit_count_max = 100});
    ASSERT_TRUE(report.ok());
    EXPECT_THAT(report->ToJson(), HasNoFailure());
    EXPECT_THAT(report->ToJson(), Not(HasSubstr(R"("samples": 0,)")));
  }
}

TEST(PingPong, SaysWhenEchoedBytesDiffer) {
  const OddServer server(Flipping());
  const auto report = RunPingPong({.target = server.address(), .unit_count_max = 10});
  EXPECT_THAT(report->ToJson(), AllOf(Not(HasNoFailure()), HasSubstr("bytes differ")));
}

TEST(PingPong, RefusesMessagesThatASocketMayNotTakeWhole) {
  for (const size_t message_byte_count : {size_t{0}, kMessageMax_bytes + 1}) {
    EXPECT_EQ(RunPingPong({.message_byte_count = message_byte_count}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(SessionRate, MakesAsManySessionsAsItSays) {
  const std::unique_ptr<Backend> backend = StartBackend(BackendMode::kEcho);
  const auto report =
      RunSessionRate({.target = backend->address(), .connection_count = 4, .unit_count_max = 200});
  ASSERT_TRUE(report.ok());
  EXPECT_THAT(report->ToJson(), HasNoFailure());
  EXPECT_GE(backend->counters().accepted_count, 200u);
  EXPECT_GE(backend->counters().received_byte_count, 200u);
}

TEST(SessionRate, CountsFailedSessionsAndGivesUp) {
  const OddServer wrong(Flipping()), closing(Closing());
  const sockaddr_in nobody = *BoundAddress(Listen(AnyPort())->get());
  for (const auto& [target, message] :
       {std::pair(nobody, "refused"), std::pair(wrong.address(), "not the byte"),
        std::pair(closing.address(), "closed by the peer")}) {
    const auto report = RunSessionRate({.target = target, .unit_count_max = 10});
    EXPECT_THAT(report->ToJson(), AllOf(HasSubstr(R"("failures": 100,)"), HasSubstr(message),
                                        HasSubstr(R"("units": 0)")));
  }
}

TEST(IdleHold, ProvesEveryConnectionBeforeAndAfter) {
  const std::unique_ptr<Backend> backend = StartBackend(BackendMode::kEcho);
  int held_count = 0;
  const auto report = RunIdleHold(
      {.target = backend->address(), .connection_count = 100},
      {.on_held =
           [&](const Report& opened) {
             ++held_count;
             EXPECT_THAT(opened.ToJson(), AllOf(HasSubstr(R"("held": 100,)"), HasNoFailure()));
             EXPECT_EQ(backend->counters().received_byte_count, 100u);
           },
       .released = [] { return true; }});
  EXPECT_EQ(held_count, 1);
  EXPECT_THAT(report->ToJson(), AllOf(HasNoFailure(), HasSubstr(R"("units": 100)")));
  EXPECT_EQ(backend->counters().received_byte_count, 200u);
}

TEST(IdleHold, CountsConnectionsThatEndWhileHeld) {
  std::unique_ptr<Backend> backend = StartBackend(BackendMode::kEcho);
  const auto report = RunIdleHold(
      {.target = backend->address(), .connection_count = 10},
      {.on_held = [&](const Report&) { backend.reset(); }, .released = [] { return true; }});
  EXPECT_THAT(report->ToJson(), HasSubstr(R"("units": 0)"));
  EXPECT_THAT(report->ToJson(), HasSubstr(R"("failures": 10,)"));
}

}  // namespace
}  // namespace penstock::bench
