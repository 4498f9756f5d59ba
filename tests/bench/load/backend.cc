#include "tests/bench/load/backend.h"

#include <sys/epoll.h>

#include <chrono>
#include <span>
#include <utility>
#include <vector>

#include "base/status.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/socket.h"

namespace penstock::bench {
namespace {

constexpr size_t kReadMax_bytes = 256 * 1024;
// How late the thread may notice that it is to stop.
constexpr std::chrono::milliseconds kStopPoll{20};

// Where reads go; connections never keep it.
std::span<std::byte> ScratchOfThread() {
  thread_local std::vector<std::byte> scratch(kReadMax_bytes);
  return scratch;
}

}  // namespace

class Backend::Acceptor final : public EventHandler {
 public:
  explicit Acceptor(Backend& backend) : backend_(backend) {}
  void OnEvents(uint32_t) override { backend_.AcceptAll(); }

 private:
  Backend& backend_;
};

class Backend::EchoConnection final : public EventHandler {
 public:
  EchoConnection(Backend& backend, UniqueFd fd) : backend_(backend), fd_(std::move(fd)) {
    backend_.loop_.Add(fd_.get(), EPOLLIN, *this);
  }

  void OnEvents(uint32_t) override {
    if (!(waiting_ ? SendUnsent() : Receive())) backend_.Drop(fd_.get());
  }

 private:
  // These are false when the connection is over.
  bool Receive() {
    const std::span<std::byte> scratch = ScratchOfThread();
    const absl::StatusOr<TransferResult> read = ReadSome(fd_.get(), scratch);
    if (!read.ok() || read->transfer == Transfer::kEnd) return false;
    backend_.counters_.received_byte_count += read->byte_count;
    return Send(scratch.first(read->byte_count));
  }

  bool SendUnsent() {
    const std::vector<std::byte> bytes = std::exchange(unsent_, {});
    return Send(bytes);
  }

  // What the socket does not take is kept, and nothing is read until it is gone.
  bool Send(std::span<const std::byte> bytes) {
    const bool was_waiting = std::exchange(waiting_, false);
    while (!bytes.empty() && !waiting_) {
      const absl::StatusOr<TransferResult> written = WriteSome(fd_.get(), bytes);
      if (!written.ok()) return false;
      bytes = bytes.subspan(written->byte_count);
      waiting_ = written->transfer == Transfer::kWouldBlock;
    }
    unsent_.assign(bytes.begin(), bytes.end());
    if (waiting_ != was_waiting) {
      backend_.loop_.Modify(fd_.get(), waiting_ ? EPOLLOUT : EPOLLIN, *this);
    }
    return true;
  }

  Backend& backend_;
  const UniqueFd fd_;
  std::vector<std::byte> unsent_;
  bool waiting_ = false;  // for the socket to take `unsent_`
};

class Backend::SinkConnection final : public EventHandler {
 public:
  SinkConnection(Backend& backend, UniqueFd fd) : backend_(backend), fd_(std::move(fd)) {
    backend_.loop_.Add(fd_.get(), EPOLLIN, *this);
  }

  void OnEvents(uint32_t) override {
    if (!Receive()) backend_.Drop(fd_.get());
  }

 private:
  // These are false when the connection is over.
  bool Receive() {
    const std::span<std::byte> scratch = ScratchOfThread();
    const absl::StatusOr<TransferResult> read = ReadSome(fd_.get(), scratch);
    if (!read.ok() || read->transfer == Transfer::kEnd) return false;
    if (!Pattern::Get().Matches(offset_, scratch.first(read->byte_count))) {
      ++backend_.counters_.mismatch_count;
    }
    const uint64_t acks_before = offset_ / kAckInterval_bytes;
    offset_ += read->byte_count;
    backend_.counters_.received_byte_count += read->byte_count;
    return backend_.mode_ != BackendMode::kAckedSink ||
           Acknowledge(offset_ / kAckInterval_bytes - acks_before);
  }

  // A few bytes on a connection that is idle in this direction: the socket has room.
  bool Acknowledge(uint64_t count) {
    static constexpr std::byte kAcks[kReadMax_bytes / kAckInterval_bytes + 1] = {};
    if (count == 0) return true;
    const absl::StatusOr<TransferResult> written =
        WriteSome(fd_.get(), std::span(kAcks).first(count));
    return written.ok() && written->byte_count == count;
  }

  Backend& backend_;
  const UniqueFd fd_;
  uint64_t offset_ = 0;
};

absl::StatusOr<std::unique_ptr<Backend>> Backend::Start(const sockaddr_in& address,
                                                        BackendMode mode) {
  ASSIGN_OR_RETURN(UniqueFd listener, Listen(address));
  ASSIGN_OR_RETURN(const sockaddr_in bound, BoundAddress(listener.get()));
  ASSIGN_OR_RETURN(EventLoop loop, EventLoop::Create());
  return std::unique_ptr<Backend>(new Backend(std::move(listener), bound, std::move(loop), mode));
}

Backend::Backend(UniqueFd listener, const sockaddr_in& address, EventLoop loop, BackendMode mode)
    : listener_(std::move(listener)),
      address_(address),
      loop_(std::move(loop)),
      mode_(mode),
      thread_([this] { Serve(); }) {}

Backend::~Backend() {
  stopping_ = true;
  thread_.join();
}

void Backend::Serve() {
  Acceptor acceptor(*this);
  loop_.Add(listener_.get(), EPOLLIN, acceptor);
  while (!stopping_) loop_.RunOnce(kStopPoll);
}

void Backend::AcceptAll() {
  while (UniqueFd fd = Accept(listener_.get())) {
    ++counters_.accepted_count;
    const int key = fd.get();
    if (mode_ == BackendMode::kEcho) {
      connections_[key] = std::make_unique<EchoConnection>(*this, std::move(fd));
    } else {
      connections_[key] = std::make_unique<SinkConnection>(*this, std::move(fd));
    }
  }
}

void Backend::Drop(int fd) { connections_.erase(fd); }

}  // namespace penstock::bench
