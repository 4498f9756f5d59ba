#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/buffer_pool.h"
#include "runtime/io/reactor.h"
#include "runtime/io/stream.h"

namespace penstock {

enum class SocketKind { kUnix, kTcp };

inline std::string KindName(const testing::TestParamInfo<SocketKind>& kind) {
  return kind.param == SocketKind::kTcp ? "Tcp" : "Unix";
}

// `byte_count` bytes in which a lost, doubled or moved piece shows.
inline std::string Pattern(size_t byte_count) {
  std::string bytes(byte_count, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1'664'525u + 1'013'904'223u;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

// One socket end as the other side of a stream: plain non-blocking system calls.
class Peer final {
 public:
  explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {}

  // Returns what the kernel took.
  size_t Send(std::string_view bytes, int flags = 0) {
    const ssize_t sent = send(fd_.get(), bytes.data(), bytes.size(), flags | MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }

  // Sends `bytes` together with a descriptor, which cuts the receiver's reads (Unix sockets).
  void SendWithDescriptor(std::string_view bytes) {
    iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(header)) = fd_.get();
    ASSERT_EQ(sendmsg(fd_.get(), &message, 0), static_cast<ssize_t>(bytes.size()));
  }

  // Appends what there is to received(). Returns false once the end or an error has come.
  bool Receive() {
    std::vector<char> chunk(size_t{1} << 20);
    for (;;) {
      const ssize_t count = recv(fd_.get(), chunk.data(), chunk.size(), 0);
      if (count > 0) {
        received_.append(chunk.data(), static_cast<size_t>(count));
        continue;
      }
      if (count < 0 && errno == EAGAIN) return true;
      error_ = count < 0 ? errno : 0;
      return false;
    }
  }

  void ShutdownWrite() { ASSERT_EQ(shutdown(fd_.get(), SHUT_WR), 0); }
  void Close() { fd_.Reset(); }
  void Reset() {
    const linger abort{.l_onoff = 1, .l_linger = 0};
    ASSERT_EQ(setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof(abort)), 0);
    fd_.Reset();
  }

  const std::string& received() const { return received_; }
  int error() const { return error_; }  // what ended Receive(); 0 for a plain end
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string received_;
  int error_ = 0;
};

// Real sockets and epoll; the clock stands still unless a test moves it.
class StreamFixture {
 public:
  StreamFixture() {
    owner_ = scheduler_.Spawn([this] {
      while (scheduler_.Park(kNoDeadline) != Wake::kCancelled) ++wake_count_;
    });
    scheduler_.RunReady();
  }
  ~StreamFixture() {
    scheduler_.Cancel(*owner_);
    scheduler_.RunReady();
  }

  // The local end, non-blocking, and the peer's.
  static std::pair<UniqueFd, UniqueFd> Connect(SocketKind kind) {
    if (kind == SocketKind::kTcp) return ConnectTcp();
    int ends[2] = {-1, -1};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
  }

  // Runs fibers and hands out events until `done`. False if nothing happens for 20 s before.
  bool PumpUntil(const std::function<bool()>& done) {
    const MonotonicTime give_up = Clock::System().Now() + std::chrono::seconds(20);
    while (!done()) {
      if (Clock::System().Now() >= give_up) return false;
      // The peer's end is not watched, so look at it again soon.
      Pump(Clock::System().Now() + std::chrono::milliseconds(1));
    }
    return true;
  }

  // Hands out the events that came, waiting for one until `deadline`.
  void Pump(MonotonicTime deadline = MonotonicTime::min()) {
    EXPECT_TRUE(reactor_.Poll(deadline).ok());
    scheduler_.RunReady();
  }

  int wake_count() const { return wake_count_; }

  FakeClock clock_;
  Scheduler scheduler_{clock_, {.stack_byte_count = 64 * 1024}};
  Reactor reactor_ = *Reactor::Create();
  SharedCounter buffer_byte_count_{0};
  BufferPool buffers_{4, &buffer_byte_count_};
  IoContext io_{.reactor = reactor_, .scheduler = scheduler_, .buffers = buffers_};
  Fiber* owner_ = nullptr;

 private:
  static std::pair<UniqueFd, UniqueFd> ConnectTcp() {
    const UniqueFd listener(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(listener.get(), generic, size), 0);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(getsockname(listener.get(), generic, &size), 0);
    UniqueFd peer(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(peer.get(), generic, size), 0);
    UniqueFd local(accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    EXPECT_EQ(fcntl(peer.get(), F_SETFL, O_NONBLOCK), 0);
    return {std::move(local), std::move(peer)};
  }

  int wake_count_ = 0;
};

// A stream and its peer.
struct Connection {
  Connection(StreamFixture& fixture, SocketKind kind, Stream::Counters counters = {})
      : Connection(fixture, StreamFixture::Connect(kind), counters) {}
  Connection(StreamFixture& fixture, std::pair<UniqueFd, UniqueFd> ends, Stream::Counters counters)
      : stream(fixture.io_, std::move(ends.first), *fixture.owner_, counters),
        peer(std::move(ends.second)) {}

  int Write(std::string_view bytes) {
    const iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    return stream.Write({&part, 1});
  }

  // One Read() of at most `byte_count`, appended to `received`.
  ReadResult Read(size_t byte_count = 64 * 1024) {
    std::string chunk(byte_count, '\0');
    const iovec part{.iov_base = chunk.data(), .iov_len = chunk.size()};
    const ReadResult result = stream.Read({&part, 1});
    if (result.kind == ReadResult::Kind::kBytes) received.append(chunk, 0, result.byte_count);
    return result;
  }

  // Reads until there is nothing more for now. The last result is never kBytes.
  ReadResult ReadAll() {
    ReadResult result = Read();
    while (result.kind == ReadResult::Kind::kBytes) result = Read();
    return result;
  }

  Stream stream;
  Peer peer;
  std::string received;
};

}  // namespace penstock
