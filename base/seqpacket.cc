#include "base/seqpacket.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/status.h"

namespace penstock {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
constexpr int kSocketBufferBytes = 1 << 20;

// Room for one SCM_RIGHTS message, aligned as cmsg(3) wants.
struct alignas(cmsghdr) ControlBuffer {
  std::array<char, CMSG_SPACE(sizeof(int) * kPacketFdsMax)> bytes{};
};

// sendmsg(2) of one packet. Returns 0 or an errno value.
int SendNow(int fd, const Packet& packet) {
  iovec part{const_cast<char*>(packet.bytes.data()), packet.bytes.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!packet.fds.empty()) {
    message.msg_control = control.bytes.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * packet.fds.size());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * packet.fds.size());
    for (size_t i = 0; i < packet.fds.size(); ++i) {
      const int raw = packet.fds[i].get();
      std::memcpy(CMSG_DATA(header) + i * sizeof(int), &raw, sizeof raw);
    }
  }
  for (;;) {
    if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

std::vector<UniqueFd> TakeDescriptors(msghdr& message) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int raw = -1;
      std::memcpy(&raw, CMSG_DATA(header) + i * sizeof(int), sizeof raw);
      fds.emplace_back(raw);
    }
  }
  return fds;
}

}  // namespace

absl::StatusOr<std::pair<SeqpacketSocket, SeqpacketSocket>> SeqpacketSocket::Pair() {
  std::array<int, 2> raw{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, raw.data()) != 0) {
    return ErrnoStatus(errno, "socketpair");
  }
  for (const int fd : raw) {
    // Best effort: the kernel clamps it, and the queue above it absorbs the rest.
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSocketBufferBytes, sizeof kSocketBufferBytes);
  }
  return std::pair(SeqpacketSocket(UniqueFd(raw[0])), SeqpacketSocket(UniqueFd(raw[1])));
}

absl::Status SeqpacketSocket::Send(Packet packet) {
  if (packet.bytes.size() > kPacketBytesMax || packet.fds.size() > kPacketFdsMax) {
    return absl::InvalidArgumentError(
        fmt::format("packet of {} bytes and {} descriptors exceeds {} bytes or {} descriptors",
                    packet.bytes.size(), packet.fds.size(), kPacketBytesMax, kPacketFdsMax));
  }
  RETURN_IF_ERROR(Flush());
  if (queue_.empty()) {
    const int error = SendNow(fd_.get(), packet);
    if (error == 0) return absl::OkStatus();
    if (error != EAGAIN && error != ETOOMANYREFS) return ErrnoStatus(error, "sendmsg");
  }
  if (queue_.size() >= kQueueMax) {
    return absl::ResourceExhaustedError(
        fmt::format("peer process does not read: {} packets are waiting", +kQueueMax));
  }
  queue_.push_back(std::move(packet));
  return absl::OkStatus();
}

absl::Status SeqpacketSocket::Flush() {
  while (!queue_.empty()) {
    const int error = SendNow(fd_.get(), queue_.front());
    if (error == EAGAIN || error == ETOOMANYREFS) return absl::OkStatus();
    if (error != 0) return ErrnoStatus(error, "sendmsg");
    queue_.pop_front();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Packet>> SeqpacketSocket::Receive() {
  buffer_.resize(kPacketBytesMax);
  iovec part{buffer_.data(), buffer_.size()};
  ControlBuffer control;
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t byte_count = 0;
  do {
    byte_count = recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (byte_count < 0 && errno == EINTR);
  if (byte_count < 0 && errno == EAGAIN) return std::nullopt;
  if (byte_count < 0) return ErrnoStatus(errno, "recvmsg");
  Packet packet{.bytes = {}, .fds = TakeDescriptors(message)};
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    return absl::DataLossError("received a packet larger than the protocol allows");
  }
  if (byte_count == 0) return absl::UnavailableError("peer process closed the channel");
  packet.bytes.assign(buffer_.data(), static_cast<size_t>(byte_count));
  return packet;
}

absl::StatusOr<UniqueFd> SealedMemfd(std::string_view name, std::string_view bytes) {
  UniqueFd fd(memfd_create(std::string(name).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return ErrnoStatus(errno, "memfd_create");
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = write(fd.get(), bytes.data() + at, bytes.size() - at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoStatus(errno, "write to memfd");
    at += static_cast<size_t>(written);
  }
  if (fcntl(fd.get(), F_ADD_SEALS, kSeals) != 0) return ErrnoStatus(errno, "F_ADD_SEALS");
  return fd;
}

absl::StatusOr<std::string> ReadSealedMemfd(int fd, size_t byte_count_max) {
  const int seals = fcntl(fd, F_GET_SEALS);
  if (seals < 0) return ErrnoStatus(errno, "F_GET_SEALS");
  if ((seals & kSeals) != kSeals) {
    return absl::FailedPreconditionError("descriptor is not a sealed memfd");
  }
  struct stat info {};
  if (fstat(fd, &info) != 0) return ErrnoStatus(errno, "fstat of memfd");
  const auto size = static_cast<size_t>(info.st_size);
  if (size > byte_count_max) {
    return absl::ResourceExhaustedError(
        fmt::format("memfd holds {} bytes, at most {} are accepted", size, byte_count_max));
  }
  std::string bytes(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t byte_count = pread(fd, bytes.data() + at, size - at, static_cast<off_t>(at));
    if (byte_count < 0 && errno == EINTR) continue;
    if (byte_count <= 0) return ErrnoStatus(byte_count < 0 ? errno : EIO, "read of memfd");
    at += static_cast<size_t>(byte_count);
  }
  return bytes;
}

}  // namespace penstock
