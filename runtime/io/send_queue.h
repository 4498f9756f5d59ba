#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <vector>

#include "runtime/io/buffer_pool.h"

namespace penstock {

// Bytes on their way to a socket: many small writes fill one pooled buffer. Not bounded by itself.
class SendQueue final {
 public:
  // Outcome of a send: what the kernel took, and why it stopped (0: all is sent).
  struct Sent {
    size_t byte_count = 0;
    int error = 0;  // EAGAIN: the socket is full; any other errno value: the connection is broken
  };

  explicit SendQueue(BufferPool& pool) : pool_(pool) {}

  void Append(std::span<const iovec> parts);

  // Sends until nothing is left or the socket takes no more. Never raises SIGPIPE.
  Sent SendTo(int fd);

  void Clear();
  size_t byte_count() const { return byte_count_; }

 private:
  void AppendBytes(std::span<const std::byte> bytes);
  void Consume(size_t byte_count);

  BufferPool& pool_;
  std::vector<BufferPool::Buffer> buffers_;  // oldest first; none is empty
  size_t byte_count_ = 0;
};

}  // namespace penstock
