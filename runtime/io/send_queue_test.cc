#include "runtime/io/send_queue.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace penstock {
namespace {

class SendQueueTest : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2] = {-1, -1};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    local_ = UniqueFd(ends[0]);
    peer_ = UniqueFd(ends[1]);
  }

  void Append(std::string_view bytes) {
    const iovec part{.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
    queue_.Append({&part, 1});
  }

  std::string Received() {
    std::string all;
    std::string chunk(1 << 16, '\0');
    for (;;) {
      const ssize_t count = recv(peer_.get(), chunk.data(), chunk.size(), 0);
      if (count <= 0) return all;
      all.append(chunk, 0, static_cast<size_t>(count));
    }
  }

  BufferPool pool_{2, nullptr};
  SendQueue queue_{pool_};
  UniqueFd local_;
  UniqueFd peer_;
};

TEST_F(SendQueueTest, GathersParts) {
  std::string a = "ab";
  std::string b = "cd";
  const iovec parts[] = {{.iov_base = a.data(), .iov_len = a.size()},
                         {.iov_base = nullptr, .iov_len = 0},
                         {.iov_base = b.data(), .iov_len = b.size()}};
  queue_.Append(parts);
  EXPECT_EQ(queue_.byte_count(), 4u);
  const SendQueue::Sent sent = queue_.SendTo(local_.get());
  EXPECT_EQ(sent.byte_count, 4u);
  EXPECT_EQ(sent.error, 0);
  EXPECT_EQ(Received(), "abcd");
}

TEST_F(SendQueueTest, NothingQueuedHoldsAndSendsNothing) {
  queue_.Append({});
  Append("");
  EXPECT_EQ(pool_.in_use_count(), 0u);
  EXPECT_EQ(queue_.SendTo(local_.get()).byte_count, 0u);
}

TEST_F(SendQueueTest, FillsOneBufferBeforeTheNext) {
  Append(std::string(BufferPool::kBufferByteCount - 1, 'a'));
  EXPECT_EQ(pool_.in_use_count(), 1u);
  Append("bc");
  EXPECT_EQ(pool_.in_use_count(), 2u);
}

TEST_F(SendQueueTest, StopsAtAFullSocketAndGoesOnLater) {
  std::string all;
  for (int i = 0; i < 30; ++i) {  // more buffers than one system call takes
    all += std::string(BufferPool::kBufferByteCount - 7, static_cast<char>('a' + i % 26));
  }
  Append(all);
  SendQueue::Sent sent = queue_.SendTo(local_.get());
  EXPECT_EQ(sent.error, EAGAIN);
  EXPECT_EQ(queue_.byte_count(), all.size() - sent.byte_count);
  std::string received;
  while (sent.error == EAGAIN) {
    received += Received();
    sent = queue_.SendTo(local_.get());
  }
  received += Received();
  EXPECT_EQ(sent.error, 0);
  EXPECT_TRUE(received == all);
  EXPECT_EQ(pool_.in_use_count(), 0u);
}

TEST_F(SendQueueTest, ReportsABrokenConnectionWithoutASignal) {
  Append("x");
  peer_.Reset();
  EXPECT_EQ(queue_.SendTo(local_.get()).error, EPIPE);
  queue_.Clear();
  EXPECT_EQ(queue_.byte_count(), 0u);
  EXPECT_EQ(pool_.in_use_count(), 0u);
}

}  // namespace
}  // namespace penstock
