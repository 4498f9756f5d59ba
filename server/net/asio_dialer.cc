#include "server/net/asio_dialer.h"

#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "server/net/connect_race.h"
#include "server/net/connector.h"
#include "server/net/timers.h"

namespace penstock::net {
namespace {

// How long IPv4 addresses wait for the name's IPv6 addresses (RFC 8305, section 3).
constexpr std::chrono::milliseconds kResolutionDelay{50};

struct Tools {
  Resolver& resolver;
  Connector& connector;
  Timers& timers;
};

// One dial; its own handle. Everything under way belongs to it, so destroying it cancels all.
class Dialing final {
 public:
  using Done = std::function<void(absl::StatusOr<DialOutcome>)>;

  Dialing(Tools tools, domain::Address address, DialOptions options, Done done)
      : tools_(tools),
        address_(std::move(address)),
        options_(std::move(options)),
        done_(std::move(done)),
        start_time_(Clock::System().Now()),
        resolved_time_(start_time_) {
    race_.emplace(
        tools.connector, tools.timers, options_.permit,
        [this](absl::StatusOr<ConnectRace::Winner> result) { OnRace(std::move(result)); });
  }

  void Start() {
    deadline_ = tools_.timers.After(options_.timeout, [this] {
      Deliver(absl::DeadlineExceededError(fmt::format(
          "{}: not connected within {} ms", address_.ToString(),
          std::chrono::duration_cast<std::chrono::milliseconds>(options_.timeout).count())));
    });
    if (address_.kind == domain::Address::Kind::kUnix) {
      return RaceOne(Endpoint::FromUnixPath(address_.path));
    }
    const auto literal = Endpoint::FromLiteral(address_.host, address_.port);
    if (!literal) return Resolve();
    const bool v6 = literal->family() == AF_INET6;
    if (wants(v6 ? IpFamily::kV6 : IpFamily::kV4)) return RaceOne(*literal);
    RaceOne(absl::NotFoundError(
        fmt::format("{} is not an address of the family that was asked for", address_.host)));
  }

 private:
  bool wants(IpFamily family) const {
    const auto other =
        family == IpFamily::kV4 ? DialOptions::Families::kV6Only : DialOptions::Families::kV4Only;
    return options_.families != other;
  }

  void RaceOne(absl::StatusOr<Endpoint> endpoint) {
    if (endpoint.ok()) race_->Add({*endpoint});
    race_->Finish(endpoint.status());
  }

  void Resolve() {
    for (const IpFamily family : {IpFamily::kV6, IpFamily::kV4}) {
      if (!wants(family)) continue;
      ++query_count_;
      queries_.push_back(tools_.resolver.Resolve(
          address_.host, address_.port, family, options_.timeout,
          [this, family](auto result) { OnAnswer(family, std::move(result)); }));
    }
  }

  void OnAnswer(IpFamily family, absl::StatusOr<std::vector<Endpoint>> result) {
    --query_count_;
    if (!result.ok()) {
      // An IPv4 failure says more: many names have no IPv6 address.
      if (resolve_error_.ok() || family == IpFamily::kV4) {
        resolve_error_ = absl::NotFoundError(std::string(MessageOf(result.status())));
      }
    } else if (family == IpFamily::kV4 && query_count_ > 0) {
      waiting_v4_ = *std::move(result);
      resolution_delay_ = tools_.timers.After(kResolutionDelay, [this] { ReleaseV4(); });
    } else {
      Race(*result);
    }
    if (query_count_ > 0) return;
    ReleaseV4();
    race_->Finish(resolve_error_);
  }

  void ReleaseV4() {
    resolution_delay_.reset();
    if (!waiting_v4_.empty()) Race(std::exchange(waiting_v4_, {}));
  }

  void Race(const std::vector<Endpoint>& endpoints) {
    if (resolved_time_ == start_time_) resolved_time_ = Clock::System().Now();
    race_->Add(endpoints);
  }

  void OnRace(absl::StatusOr<ConnectRace::Winner> result) {
    if (!result.ok()) return Deliver(result.status());
    Deliver(DialOutcome{.socket = std::move(result->socket),
                        .address = result->endpoint.ToString(),
                        .resolve_time = resolved_time_ - start_time_,
                        .connect_time = Clock::System().Now() - resolved_time_});
  }

  void Deliver(absl::StatusOr<DialOutcome> outcome) {
    deadline_.reset();
    resolution_delay_.reset();
    queries_.clear();
    race_.reset();
    const Done done = std::move(done_);
    done(std::move(outcome));
  }

  Tools tools_;
  domain::Address address_;
  DialOptions options_;
  Done done_;
  std::optional<ConnectRace> race_;  // until there is a result
  MonotonicTime start_time_;
  MonotonicTime resolved_time_;
  Timers::Handle deadline_;
  std::vector<Resolver::Handle> queries_;
  int query_count_ = 0;
  absl::Status resolve_error_;
  std::vector<Endpoint> waiting_v4_;
  Timers::Handle resolution_delay_;
};

class AsioDialer final : public Dialer {
 public:
  AsioDialer(asio::io_context& io, Resolver& resolver)
      : timers_(io), resolver_(resolver), connector_(MakeConnector(io)) {}

  Handle Dial(const domain::Address& address, DialOptions options, Dialing::Done done) override {
    auto dialing = std::make_shared<Dialing>(Tools{resolver_, *connector_, timers_}, address,
                                             std::move(options), std::move(done));
    dialing->Start();
    return dialing;
  }

 private:
  AsioTimers timers_;
  Resolver& resolver_;
  std::unique_ptr<Connector> connector_;
};

}  // namespace

std::unique_ptr<Dialer> MakeDialer(asio::io_context& io, Resolver& resolver) {
  return std::make_unique<AsioDialer>(io, resolver);
}

}  // namespace penstock::net
