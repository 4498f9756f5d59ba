#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/unique_fd.h"

namespace penstock::net {

// A name server on 127.0.0.1 with a thread of its own: answers queries for A and AAAA from a table.
// Names that are not in it do not exist; those whose records are {"silent"} get no answer.
class DnsServer final {
 public:
  // "name" -> addresses as bytes, 4 or 16 each; one label and one domain are enough: "a.test".
  using Records = std::map<std::string, std::vector<std::string>>;
  static constexpr const char* kSilent = "silent";

  explicit DnsServer(Records records)
      : records_(std::move(records)),
        socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
        stop_(eventfd(0, EFD_CLOEXEC)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    PENSTOCK_CHECK(bind(socket_.get(), raw, size) == 0);
    PENSTOCK_CHECK(getsockname(socket_.get(), raw, &size) == 0);
    servers_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    thread_ = std::thread([this] { Serve(); });
  }
  ~DnsServer() {
    const uint64_t one = 1;
    (void)!write(stop_.get(), &one, sizeof one);
    thread_.join();
  }

  // For ResolverOptions::servers.
  const std::string& servers() const { return servers_; }
  int query_count() const { return query_count_; }

 private:
  static constexpr size_t kHeaderSize = 12;

  void Serve() {
    for (;;) {
      std::array<pollfd, 2> polls = {{{.fd = stop_.get(), .events = POLLIN, .revents = 0},
                                      {.fd = socket_.get(), .events = POLLIN, .revents = 0}}};
      if (poll(polls.data(), polls.size(), -1) < 0 || polls[0].revents != 0) return;
      std::array<char, 512> buffer;
      sockaddr_in from{};
      socklen_t from_size = sizeof from;
      const ssize_t size = recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size <= static_cast<ssize_t>(kHeaderSize)) continue;
      ++query_count_;
      const std::string answer = Answer({buffer.data(), static_cast<size_t>(size)});
      if (answer.empty()) continue;
      (void)sendto(socket_.get(), answer.data(), answer.size(), 0,
                   reinterpret_cast<const sockaddr*>(&from), from_size);
    }
  }

  // RFC 1035, section 4.1. Empty: no answer.
  std::string Answer(const std::string& query) const {
    std::string name;
    size_t at = kHeaderSize;
    while (at < query.size() && query[at] != 0) {
      const size_t label_size = static_cast<unsigned char>(query[at]);
      if (!name.empty()) name += '.';
      name += query.substr(at + 1, label_size);
      at += label_size + 1;
    }
    const size_t question_end = at + 5;  // the root label, type, class
    if (question_end > query.size()) return "";
    const bool v6 = query[at + 2] == 28;  // AAAA; A is 1
    const auto found = records_.find(name);
    std::string records;
    uint8_t record_count = 0;
    if (found != records_.end()) {
      for (const std::string& bytes : found->second) {
        if (bytes == kSilent) return "";
        if (bytes.size() != (v6 ? 16 : 4)) continue;
        // The name by reference, type, class IN, a TTL of 1 s, the address.
        records += std::string("\xc0\x0c\x00", 3) + static_cast<char>(v6 ? 28 : 1) +
                   std::string("\x00\x01\x00\x00\x00\x01\x00", 7) +
                   static_cast<char>(bytes.size()) + bytes;
        ++record_count;
      }
    }
    std::string answer = query.substr(0, question_end) + records;
    answer[2] = static_cast<char>(0x81);  // a response, recursion desired
    answer[3] = static_cast<char>(found == records_.end() ? 0x83 : 0x80);  // NXDOMAIN or none
    answer[7] = static_cast<char>(record_count);
    answer[8] = answer[9] = answer[10] = answer[11] = 0;  // no authority, no additional records
    return answer;
  }

  Records records_;
  UniqueFd socket_;
  UniqueFd stop_;
  std::string servers_;
  std::atomic<int> query_count_{0};
  std::thread thread_;
};

}  // namespace penstock::net
