#pragma once

#include <ares.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/net/endpoint.h"
#include "server/net/resolver.h"

namespace penstock::net {

// Owns a c-ares channel. Destroying it calls what is under way with an error.
class CaresChannel final {
 public:
  using OnSocketState = std::function<void(int fd, bool read, bool write)>;
  using Done = std::function<void(absl::StatusOr<std::vector<Endpoint>>)>;

  // `on_socket_state` says what each of the channel's sockets waits for; neither: it is about to be
  // closed. It may be empty.
  static absl::StatusOr<std::unique_ptr<CaresChannel>> Create(const ResolverOptions& options,
                                                              OnSocketState on_socket_state);
  ~CaresChannel();
  CaresChannel(const CaresChannel&) = delete;
  CaresChannel& operator=(const CaresChannel&) = delete;

  // Asks for `host`, AF_INET, AF_INET6 or AF_UNSPEC. `done` may be called from within. The answer
  // is never an empty list.
  void Query(const std::string& host, uint16_t port, int family, Done done);

  ares_channel get() const { return channel_; }

 private:
  explicit CaresChannel(OnSocketState on_socket_state)
      : on_socket_state_(std::move(on_socket_state)) {}

  ares_channel channel_ = nullptr;
  OnSocketState on_socket_state_;
};

}  // namespace penstock::net
