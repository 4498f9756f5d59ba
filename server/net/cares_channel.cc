#include "server/net/cares_channel.h"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

// c-ares keeps process-wide state; it is initialised once and never taken down.
int InitLibrary() {
  static const int result = ares_library_init(ARES_LIB_INIT_ALL);
  return result;
}

absl::Status QueryError(int status, const std::string& host) {
  const std::string text = fmt::format("cannot resolve '{}': {}", host, ares_strerror(status));
  switch (status) {
    case ARES_ENODATA:
    case ARES_ENOTFOUND:
    case ARES_EBADNAME:
    case ARES_ENONAME:
      return absl::NotFoundError(text);
    case ARES_ETIMEOUT:
      return absl::DeadlineExceededError(text);
    case ARES_ENOMEM:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

// What a query carries through c-ares' C interface; made by Query(), ended by OnAnswer().
struct Pending {
  std::string host;
  uint16_t port = 0;
  CaresChannel::Done done;
};

absl::StatusOr<std::vector<Endpoint>> ReadAnswer(int status, const ares_addrinfo* answer,
                                                 const Pending& pending) {
  if (status != ARES_SUCCESS) return QueryError(status, pending.host);
  std::vector<Endpoint> endpoints;
  for (const ares_addrinfo_node* node = answer->nodes; node != nullptr; node = node->ai_next) {
    if (node->ai_family != AF_INET && node->ai_family != AF_INET6) continue;
    endpoints.push_back(Endpoint::From(node->ai_addr, node->ai_addrlen));
    endpoints.back().set_port(pending.port);
  }
  if (endpoints.empty()) return QueryError(ARES_ENODATA, pending.host);
  return endpoints;
}

void OnAnswer(void* arg, int status, int /*timeouts*/, ares_addrinfo* answer) {
  const std::unique_ptr<Pending> pending(static_cast<Pending*>(arg));
  auto result = ReadAnswer(status, answer, *pending);
  if (answer != nullptr) ares_freeaddrinfo(answer);
  pending->done(std::move(result));
}

void OnState(void* data, ares_socket_t fd, int readable, int writable) {
  const auto& on_socket_state = *static_cast<const CaresChannel::OnSocketState*>(data);
  if (on_socket_state) on_socket_state(fd, readable != 0, writable != 0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<CaresChannel>> CaresChannel::Create(const ResolverOptions& options,
                                                                   OnSocketState on_socket_state) {
  int status = InitLibrary();
  std::unique_ptr<CaresChannel> channel(new CaresChannel(std::move(on_socket_state)));
  ares_options cares{};
  cares.timeout = static_cast<int>(options.attempt_timeout.count());
  cares.tries = options.attempts_max;
  cares.sock_state_cb = &OnState;
  cares.sock_state_cb_data = &channel->on_socket_state_;
  if (status == ARES_SUCCESS) {
    status = ares_init_options(&channel->channel_, &cares,
                               ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
  }
  if (status == ARES_SUCCESS && !options.servers.empty()) {
    status = ares_set_servers_ports_csv(channel->channel_, options.servers.c_str());
  }
  if (status != ARES_SUCCESS) {
    return absl::UnavailableError(
        fmt::format("cannot start the resolver: {}", ares_strerror(status)));
  }
  return channel;
}

CaresChannel::~CaresChannel() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

void CaresChannel::Query(const std::string& host, uint16_t port, int family, Done done) {
  ares_addrinfo_hints hints{};
  hints.ai_family = family;
  hints.ai_socktype = SOCK_STREAM;
  auto pending = std::make_unique<Pending>(Pending{host, port, std::move(done)});
  ares_getaddrinfo(channel_, host.c_str(), nullptr, &hints, &OnAnswer, pending.release());
}

}  // namespace penstock::net
