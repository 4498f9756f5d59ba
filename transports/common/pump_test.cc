// The pump on this machine's own sockets, whose writes are short and whose buffers fill.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <future>
#include <string>
#include <thread>

#include "base/unique_fd.h"

extern "C" {
#include "transports/common/pump.h"
}

namespace penstock {
namespace {

struct Pair {
  UniqueFd ours;
  UniqueFd theirs;  // the pump's
};

Pair MakePair() {
  int fds[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
  // Small, so that every write of a buffer is short.
  const int size = 4096;
  for (const int fd : fds) ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void Invert(uint8_t* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(~bytes[i]);
}

std::string Pattern(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * i + i / 251);
  return text;
}

std::string Inverted(std::string text) {
  Invert(reinterpret_cast<uint8_t*>(text.data()), text.size());
  return text;
}

void Send(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    ASSERT_GT(sent, 0);
    data.remove_prefix(static_cast<size_t>(sent));
  }
}

std::string ReceiveAll(int fd) {
  std::string all;
  std::array<char, 10'000> piece;
  ssize_t count;
  while ((count = ::read(fd, piece.data(), piece.size())) > 0) {
    all.append(piece.data(), static_cast<size_t>(count));
  }
  return all;
}

// A pump that runs on a thread of its own between two sockets that the test holds.
class PumpTest : public testing::Test {
 protected:
  void Start(pump_transform outbound = nullptr, pump_transform inbound = nullptr) {
    const pump pump{inner_.theirs.get(), outer_.theirs.get(), control_.theirs.get(), outbound,
                    inbound};
    result_ = std::async(std::launch::async, [pump] { return pump_run(&pump); });
  }

  Pair inner_ = MakePair();
  Pair outer_ = MakePair();
  Pair control_ = MakePair();
  std::future<int32_t> result_;
};

TEST_F(PumpTest, CarriesEverythingBothWaysAtOnceAndChangesIt) {
  Start(Invert, Invert);
  const std::string outbound = Pattern(3'000'001);
  const std::string inbound = Pattern(2'000'003);
  std::thread out([&] {
    Send(inner_.ours.get(), outbound);
    ::shutdown(inner_.ours.get(), SHUT_WR);
  });
  std::thread in([&] {
    Send(outer_.ours.get(), inbound);
    ::shutdown(outer_.ours.get(), SHUT_WR);
  });
  auto received = std::async(std::launch::async, [&] { return ReceiveAll(outer_.ours.get()); });
  EXPECT_EQ(ReceiveAll(inner_.ours.get()), Inverted(inbound));
  EXPECT_EQ(received.get(), Inverted(outbound));
  out.join();
  in.join();
  EXPECT_EQ(result_.get(), 0);
}

TEST_F(PumpTest, AnEndPassesWhileTheOtherDirectionGoesOn) {
  Start();
  Send(inner_.ours.get(), "request");
  ::shutdown(inner_.ours.get(), SHUT_WR);
  EXPECT_EQ(ReceiveAll(outer_.ours.get()), "request");
  Send(outer_.ours.get(), "answer");
  outer_.ours.Reset();
  EXPECT_EQ(ReceiveAll(inner_.ours.get()), "answer");
  EXPECT_EQ(result_.get(), 0);
}

TEST_F(PumpTest, AByteOnTheControlPipeCancels) {
  Start();
  Send(control_.ours.get(), std::string(1, '\0'));
  EXPECT_EQ(result_.get(), -ECANCELED);
}

TEST_F(PumpTest, TheEndOfTheControlPipeCancels) {
  Start();
  control_.ours.Reset();
  EXPECT_EQ(result_.get(), -ECANCELED);
}

TEST_F(PumpTest, CancelsWhileABlockedReaderHoldsItUp) {
  Start();
  std::thread out([&] {
    const std::string data(1 << 20, 'x');
    // Ends when the test closes the pump's side.
    for (ssize_t sent = 1; sent > 0;) {
      sent = ::send(inner_.ours.get(), data.data(), data.size(), MSG_NOSIGNAL);
    }
  });
  // The reader at the other end takes one byte and no more.
  char byte;
  EXPECT_EQ(::read(outer_.ours.get(), &byte, 1), 1);
  Send(control_.ours.get(), std::string(1, '\0'));
  EXPECT_EQ(result_.get(), -ECANCELED);
  inner_.theirs.Reset();
  out.join();
}

TEST_F(PumpTest, APeerThatIsGoneIsAnOrdinaryEnd) {
  outer_.ours.Reset();
  Send(inner_.ours.get(), "nobody will read this");
  std::signal(SIGPIPE, SIG_IGN);  // WASI has no signals
  Start();
  EXPECT_EQ(result_.get(), -EPIPE);
}

TEST_F(PumpTest, ADescriptorThatIsNoneIsAnError) {
  const pump pump{inner_.theirs.get(), -1, control_.theirs.get(), nullptr, nullptr};
  EXPECT_EQ(pump_run(&pump), -EBADF);
}

}  // namespace
}  // namespace penstock
