#include "runtime/io/send_queue.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace penstock {
namespace {

// Buffers handed over by one system call; more than most sockets take at once.
constexpr size_t kPartMax = 16;

}  // namespace

void SendQueue::Append(std::span<const iovec> parts) {
  for (const iovec& part : parts) {
    AppendBytes({static_cast<const std::byte*>(part.iov_base), part.iov_len});
  }
}

void SendQueue::AppendBytes(std::span<const std::byte> bytes) {
  byte_count_ += bytes.size();
  while (!bytes.empty()) {
    if (buffers_.empty() || buffers_.back().room().empty()) buffers_.push_back(pool_.Take());
    const std::span<std::byte> room = buffers_.back().room();
    const size_t fit = std::min(room.size(), bytes.size());
    std::memcpy(room.data(), bytes.data(), fit);
    buffers_.back().Commit(fit);
    bytes = bytes.subspan(fit);
  }
}

SendQueue::Sent SendQueue::SendTo(int fd) {
  Sent result;
  while (byte_count_ > 0) {
    std::array<iovec, kPartMax> parts;
    const size_t part_count = std::min(parts.size(), buffers_.size());
    for (size_t i = 0; i < part_count; ++i) {
      const std::span<const std::byte> bytes = buffers_[i].bytes();
      parts[i] = {.iov_base = const_cast<std::byte*>(bytes.data()), .iov_len = bytes.size()};
    }
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = part_count;
    const ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) {
      result.error = errno;
      break;
    }
    // A short count is no promise of a later EPOLLOUT; only EAGAIN is. So go on until it comes.
    result.byte_count += static_cast<size_t>(sent);
    Consume(static_cast<size_t>(sent));
  }
  return result;
}

void SendQueue::Consume(size_t byte_count) {
  byte_count_ -= byte_count;
  auto first = buffers_.begin();
  while (byte_count > 0) {
    const size_t taken = std::min(byte_count, first->bytes().size());
    first->Consume(taken);
    byte_count -= taken;
    if (first->empty()) ++first;
  }
  buffers_.erase(buffers_.begin(), first);
}

void SendQueue::Clear() {
  buffers_.clear();
  byte_count_ = 0;
}

}  // namespace penstock
