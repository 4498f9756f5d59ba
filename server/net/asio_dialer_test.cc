#include "server/net/asio_dialer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "server/net/listen_socket.h"
#include "server/net/testing/loop.h"
#include "server/net/timers.h"

namespace penstock::net {
namespace {

using ::testing::HasSubstr;

// Answers from a table; names that are not in it never are.
class FakeResolver final : public Resolver {
 public:
  explicit FakeResolver(asio::io_context& io) : timers_(io) {}
  Handle Resolve(const std::string& host, uint16_t port, IpFamily family, std::chrono::nanoseconds,
                 Done done) override {
    asked.emplace_back(host, family);
    const auto found = answers.find({host, family});
    if (found == answers.end()) return std::make_shared<int>();
    return timers_.After({}, [port, answer = found->second, done = std::move(done)]() mutable {
      if (answer.ok()) {
        for (Endpoint& endpoint : *answer) endpoint.set_port(port);
      }
      done(std::move(answer));
    });
  }

  std::map<std::pair<std::string, IpFamily>, absl::StatusOr<std::vector<Endpoint>>> answers;
  std::vector<std::pair<std::string, IpFamily>> asked;

 private:
  AsioTimers timers_;
};

class AsioDialerTest : public testing::Test {
 protected:
  absl::StatusOr<DialOutcome> Dial(const domain::Address& address, DialOptions options = {}) {
    std::optional<absl::StatusOr<DialOutcome>> result;
    const auto handle = dialer_->Dial(address, std::move(options),
                                      [&result](auto outcome) { result = std::move(outcome); });
    EXPECT_FALSE(result.has_value()) << "called from within";
    EXPECT_TRUE(RunUntil(io_, [&result] { return result.has_value(); }));
    return std::move(result).value_or(absl::UnknownError("none"));
  }
  static domain::Address Tcp(const std::string& host, uint16_t port) {
    return {.kind = domain::Address::Kind::kTcp, .host = host, .port = port, .path = {}};
  }
  static ListenSocket Listen(const std::string& host) {
    return *ListenSocket::Create(*Endpoint::FromLiteral(host, 0));
  }
  // A port of 127.0.0.1 that nobody listens on.
  static uint16_t RefusedPort() { return Listen("127.0.0.1").port(); }

  asio::io_context io_;
  FakeResolver resolver_{io_};
  std::unique_ptr<Dialer> dialer_ = MakeDialer(io_, resolver_);
};

TEST_F(AsioDialerTest, ConnectsToALiteralWithoutResolving) {
  const ListenSocket server = Listen("127.0.0.1");
  auto outcome = Dial(Tcp("127.0.0.1", server.port()));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->address, "tcp://127.0.0.1:" + std::to_string(server.port()));
  EXPECT_EQ(outcome->resolve_time.count(), 0);
  EXPECT_TRUE(resolver_.asked.empty());
  const UniqueFd accepted(accept(server.fd(), nullptr, nullptr));
  EXPECT_EQ(write(outcome->socket.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(accepted.get(), &byte, 1), 1);
}

TEST_F(AsioDialerTest, ConnectsToAUnixSocket) {
  const std::string path = testing::TempDir() + "/dialer.sock";
  const ListenSocket server = *ListenSocket::Create(*Endpoint::FromUnixPath(path));
  auto outcome = Dial({.kind = domain::Address::Kind::kUnix, .host = {}, .port = 0, .path = path});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->address, "unix://" + path);
}

TEST_F(AsioDialerTest, ReportsARefusal) {
  const auto outcome = Dial(Tcp("127.0.0.1", RefusedPort()));
  EXPECT_TRUE(absl::IsUnavailable(outcome.status())) << outcome.status();
  EXPECT_THAT(std::string(outcome.status().message()), HasSubstr("refused"));
}

TEST_F(AsioDialerTest, ReportsAMissingUnixSocket) {
  const auto outcome =
      Dial({.kind = domain::Address::Kind::kUnix, .host = {}, .port = 0, .path = "/nonexistent/s"});
  EXPECT_TRUE(absl::IsUnavailable(outcome.status())) << outcome.status();
}

TEST_F(AsioDialerTest, TriesEveryAddressOfAName) {
  const ListenSocket server = Listen("127.0.0.1");
  resolver_.answers[{"many.test", IpFamily::kV6}] = absl::NotFoundError("no AAAA");
  // 127.0.0.2 is this machine, too, but nobody listens on it.
  resolver_.answers[{"many.test", IpFamily::kV4}] = std::vector<Endpoint>{
      *Endpoint::FromLiteral("127.0.0.2", 0), *Endpoint::FromLiteral("127.0.0.1", 0)};
  const auto outcome = Dial(Tcp("many.test", server.port()));
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_THAT(outcome->address, HasSubstr("127.0.0.1"));
  EXPECT_GT(outcome->resolve_time.count(), 0);
}

TEST_F(AsioDialerTest, DoesNotWaitForAnIpv6AnswerThatNeverComes) {
  const ListenSocket server = Listen("127.0.0.1");
  resolver_.answers[{"slow6.test", IpFamily::kV4}] =
      std::vector<Endpoint>{*Endpoint::FromLiteral("127.0.0.1", 0)};
  EXPECT_TRUE(Dial(Tcp("slow6.test", server.port())).ok());
}

TEST_F(AsioDialerTest, SaysThatANameDoesNotExist) {
  resolver_.answers[{"absent.test", IpFamily::kV6}] = absl::NotFoundError("no AAAA");
  resolver_.answers[{"absent.test", IpFamily::kV4}] = absl::UnavailableError("no server");
  const auto outcome = Dial(Tcp("absent.test", 1));
  EXPECT_TRUE(absl::IsNotFound(outcome.status())) << outcome.status();
  EXPECT_EQ(outcome.status().message(), "no server");
}

TEST_F(AsioDialerTest, KeepsToTheFamilyThatIsAskedFor) {
  const ListenSocket server = Listen("127.0.0.1");
  resolver_.answers[{"name.test", IpFamily::kV4}] =
      std::vector<Endpoint>{*Endpoint::FromLiteral("127.0.0.1", 0)};
  EXPECT_TRUE(Dial(Tcp("name.test", server.port()),
                   {.families = DialOptions::Families::kV4Only, .permit = {}})
                  .ok());
  EXPECT_EQ(resolver_.asked.size(), 1u);
  const auto outcome = Dial(Tcp("127.0.0.1", server.port()),
                            {.families = DialOptions::Families::kV6Only, .permit = {}});
  EXPECT_TRUE(absl::IsNotFound(outcome.status()));
}

TEST_F(AsioDialerTest, AsksThePolicyAboutEachAddress) {
  const ListenSocket server = Listen("127.0.0.1");
  resolver_.answers[{"inside.test", IpFamily::kV6}] = absl::NotFoundError("no AAAA");
  resolver_.answers[{"inside.test", IpFamily::kV4}] =
      std::vector<Endpoint>{*Endpoint::FromLiteral("127.0.0.1", 0)};
  std::string asked;
  DialOptions options;
  options.permit = [&asked](const Endpoint& endpoint) {
    asked = endpoint.ToString();
    return absl::PermissionDeniedError("not there");
  };
  const auto outcome = Dial(Tcp("inside.test", server.port()), options);
  EXPECT_TRUE(absl::IsPermissionDenied(outcome.status()));
  EXPECT_EQ(asked, "tcp://127.0.0.1:" + std::to_string(server.port()));
}

TEST_F(AsioDialerTest, EndsAtItsDeadline) {
  const auto outcome =
      Dial(Tcp("never.test", 1), {.timeout = std::chrono::milliseconds(10), .permit = {}});
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.status())) << outcome.status();
}

TEST_F(AsioDialerTest, EndsAtItsDeadlineWhileConnecting) {
  // A full backlog drops every further SYN.
  UniqueFd server(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Endpoint any = *Endpoint::FromLiteral("127.0.0.1", 0);
  ASSERT_EQ(bind(server.get(), any.address(), any.size), 0);
  ASSERT_EQ(listen(server.get(), 0), 0);
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  ASSERT_EQ(getsockname(server.get(), reinterpret_cast<sockaddr*>(&bound), &size), 0);
  const uint16_t port = Endpoint::From(reinterpret_cast<sockaddr*>(&bound), size).port();
  const auto filler = Dial(Tcp("127.0.0.1", port));
  ASSERT_TRUE(filler.ok());
  const auto outcome =
      Dial(Tcp("127.0.0.1", port), {.timeout = std::chrono::milliseconds(50), .permit = {}});
  EXPECT_TRUE(absl::IsDeadlineExceeded(outcome.status())) << outcome.status();
}

TEST_F(AsioDialerTest, AResultAfterTheDeadlineIsNotDelivered) {
  int call_count = 0;
  const auto handle = dialer_->Dial(Tcp("127.0.0.1", RefusedPort()),
                                    {.timeout = std::chrono::nanoseconds(0), .permit = {}},
                                    [&call_count](const auto&) { ++call_count; });
  ASSERT_TRUE(RunUntil(io_, [&call_count] { return call_count > 0; }));
  for (int i = 0; i < 10; ++i) (void)io_.poll();
  EXPECT_EQ(call_count, 1);
}

TEST_F(AsioDialerTest, ACancelledDialIsNotAnswered) {
  const ListenSocket server = Listen("127.0.0.1");
  bool called = false;
  dialer_->Dial(Tcp("127.0.0.1", server.port()), {}, [&called](const auto&) { called = true; })
      .reset();
  EXPECT_TRUE(Dial(Tcp("127.0.0.1", server.port())).ok());
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace penstock::net
