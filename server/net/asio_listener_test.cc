#include "server/net/asio_listener.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/domain/error.h"
#include "server/net/endpoint.h"
#include "server/net/testing/loop.h"

namespace penstock::net {
namespace {

using ::testing::StartsWith;

class AsioListenerTest : public testing::Test {
 protected:
  static domain::Address Tcp(const std::string& host, uint16_t port = 0) {
    return {.kind = domain::Address::Kind::kTcp, .host = host, .port = port, .path = {}};
  }
  static domain::Address Unix(const std::string& path) {
    return {.kind = domain::Address::Kind::kUnix, .host = {}, .port = 0, .path = path};
  }

  absl::StatusOr<std::unique_ptr<Listener>> Listen(const domain::Address& address) {
    return factory_->Listen(address, [this](UniqueFd socket, std::string peer) {
      accepted_.emplace_back(std::move(socket));
      peers_.push_back(std::move(peer));
    });
  }

  static UniqueFd Connect(const Endpoint& endpoint) {
    UniqueFd fd(socket(endpoint.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(fd.get(), endpoint.address(), endpoint.size) != 0) return UniqueFd();
    return fd;
  }
  bool Accepts(const Endpoint& endpoint) {
    const size_t before = accepted_.size();
    const UniqueFd client = Connect(endpoint);
    return client && RunUntil(io_, [&] { return accepted_.size() > before; });
  }

  asio::io_context io_;
  std::unique_ptr<ListenerFactory> factory_ = MakeListenerFactory(io_);
  std::vector<UniqueFd> accepted_;
  std::vector<std::string> peers_;
};

TEST_F(AsioListenerTest, AcceptsOnAChosenPort) {
  const auto listener = Listen(Tcp("127.0.0.1"));
  ASSERT_TRUE(listener.ok()) << listener.status();
  const uint16_t port = (*listener)->bound_address().port;
  ASSERT_NE(port, 0);
  ASSERT_TRUE(Accepts(*Endpoint::FromLiteral("127.0.0.1", port)));
  EXPECT_THAT(peers_[0], StartsWith("tcp://127.0.0.1:"));
  EXPECT_NE(fcntl(accepted_[0].get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(fcntl(accepted_[0].get(), F_GETFD) & FD_CLOEXEC, 0);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  ASSERT_EQ(getsockopt(accepted_[0].get(), IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
  EXPECT_EQ(no_delay, 1);
}

TEST_F(AsioListenerTest, AcceptsManyAtOnce) {
  const auto listener = Listen(Tcp("127.0.0.1"));
  ASSERT_TRUE(listener.ok());
  const auto endpoint = Endpoint::FromLiteral("127.0.0.1", (*listener)->bound_address().port);
  std::vector<UniqueFd> clients;
  for (int i = 0; i < 200; ++i) clients.push_back(Connect(*endpoint));
  EXPECT_TRUE(RunUntil(io_, [this] { return accepted_.size() == 200; }));
}

TEST_F(AsioListenerTest, Ipv6TakesNothingFromIpv4) {
  const auto v6 = Listen(Tcp("::1"));
  if (!v6.ok()) GTEST_SKIP() << "no IPv6 here: " << v6.status();
  const uint16_t port = (*v6)->bound_address().port;
  ASSERT_TRUE(Accepts(*Endpoint::FromLiteral("::1", port)));
  EXPECT_THAT(peers_[0], StartsWith("tcp://[::1]:"));
  const auto any6 = Listen(Tcp("::"));
  ASSERT_TRUE(any6.ok()) << any6.status();
  EXPECT_TRUE(Listen(Tcp("0.0.0.0", (*any6)->bound_address().port)).ok());
}

TEST_F(AsioListenerTest, ANameListensOnItsAddresses) {
  const auto listener = Listen(Tcp("localhost"));
  ASSERT_TRUE(listener.ok()) << listener.status();
  EXPECT_EQ((*listener)->bound_address().host, "localhost");
  EXPECT_TRUE(Accepts(*Endpoint::FromLiteral("127.0.0.1", (*listener)->bound_address().port)));
}

TEST_F(AsioListenerTest, APortInUseIsReported) {
  const auto first = Listen(Tcp("127.0.0.1"));
  ASSERT_TRUE(first.ok());
  const auto second = Listen((*first)->bound_address());
  EXPECT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_EQ(domain::DetailOf(second.status()).reason, "PORT_IN_USE");
}

TEST_F(AsioListenerTest, APortIsFreeOnceItsListenerIsGone) {
  auto first = Listen(Tcp("127.0.0.1"));
  ASSERT_TRUE(first.ok());
  const domain::Address address = (*first)->bound_address();
  ASSERT_TRUE(Accepts(*Endpoint::FromLiteral("127.0.0.1", address.port)));
  first->reset();
  EXPECT_TRUE(Listen(address).ok()) << "the connection that lives on must not hold it";
}

TEST_F(AsioListenerTest, AnAddressThatIsNotHereIsReported) {
  for (const domain::Address& address :
       {Tcp("192.0.2.1"), Unix("/nonexistent/s"), Unix("/" + std::string(200, 'x'))}) {
    const auto listener = Listen(address);
    EXPECT_TRUE(absl::IsInvalidArgument(listener.status())) << listener.status();
    EXPECT_EQ(domain::DetailOf(listener.status()).reason, "ADDRESS_UNAVAILABLE");
  }
}

TEST_F(AsioListenerTest, AUnixSocketIsReplacedOnlyWhenStale) {
  const std::string path = testing::TempDir() + "/listener.sock";
  {
    // As after a crash: the file stays, nobody listens.
    const UniqueFd crashed(socket(AF_UNIX, SOCK_STREAM, 0));
    const Endpoint endpoint = *Endpoint::FromUnixPath(path);
    ASSERT_EQ(bind(crashed.get(), endpoint.address(), endpoint.size), 0);
  }
  auto first = Listen(Unix(path));
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(Accepts(*Endpoint::FromUnixPath(path)));
  EXPECT_THAT(peers_[0], StartsWith("unix:uid="));
  EXPECT_TRUE(absl::IsAlreadyExists(Listen(Unix(path)).status()));
  EXPECT_TRUE(Accepts(*Endpoint::FromUnixPath(path))) << "the refused one must not harm it";
  first->reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(AsioListenerTest, AFileThatIsNoSocketIsNotTouched) {
  const std::string path = testing::TempDir() + "/precious";
  const UniqueFd file(open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  EXPECT_TRUE(absl::IsAlreadyExists(Listen(Unix(path)).status()));
  EXPECT_TRUE(std::filesystem::exists(path));
  std::filesystem::remove(path);
}

TEST_F(AsioListenerTest, ACallbackMayDestroyTheListener) {
  std::unique_ptr<Listener> listener;
  bool called = false;
  auto made = factory_->Listen(Tcp("127.0.0.1"), [&](UniqueFd, const std::string&) {
    listener.reset();
    called = true;
  });
  ASSERT_TRUE(made.ok());
  listener = *std::move(made);
  const auto endpoint = Endpoint::FromLiteral("127.0.0.1", listener->bound_address().port);
  const UniqueFd first = Connect(*endpoint);
  const UniqueFd second = Connect(*endpoint);
  EXPECT_TRUE(RunUntil(io_, [&called] { return called; }));
  EXPECT_FALSE(Connect(*endpoint));
}

TEST_F(AsioListenerTest, OutOfDescriptorsItPausesAndRecovers) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the undefined behaviour sanitizer opens descriptors for its own checks";
#endif
  const auto listener = Listen(Tcp("127.0.0.1"));
  ASSERT_TRUE(listener.ok());
  const auto endpoint = Endpoint::FromLiteral("127.0.0.1", (*listener)->bound_address().port);
  const UniqueFd client = Connect(*endpoint);
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  // No descriptor above the highest in use can be made.
  const UniqueFd highest(dup(client.get()));
  const rlimit tight{.rlim_cur = static_cast<rlim_t>(highest.get()), .rlim_max = limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (int i = 0; i < 3; ++i) (void)io_.run_one_for(std::chrono::milliseconds(200));
  EXPECT_TRUE(accepted_.empty());
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(RunUntil(io_, [this] { return accepted_.size() == 1; }));
}

}  // namespace
}  // namespace penstock::net
