#include "server/metrics/metrics_server.h"

#include <exception>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "prometheus/exposer.h"
#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

class Collector final : public prometheus::Collectable {
 public:
  explicit Collector(Sources sources) : sources_(std::move(sources)) {}

  Families Collect() const override {
    Families families;
    AppendWorkerFamilies(sources_, families);
    AppendSessionFamilies(sources_, families);
    AppendConnectionFamilies(sources_, families);
    AppendGuestFamilies(sources_, families);
    AppendControlFamilies(sources_, families);
    AppendProcessFamilies(sources_, families);
    return families;
  }

 private:
  const Sources sources_;
};

class ExposerServer final : public MetricsServer {
 public:
  ExposerServer(const std::string& endpoint, std::shared_ptr<prometheus::Collectable> collector)
      : collector_(std::move(collector)), exposer_(endpoint) {
    exposer_.RegisterCollectable(collector_);
  }

  uint16_t port() const override {
    const std::vector<int> ports = exposer_.GetListeningPorts();
    return static_cast<uint16_t>(ports.empty() ? 0 : ports.front());
  }
  void set_url(std::string url) { url_ = std::move(url); }
  const std::string& url() const override { return url_; }

 private:
  std::shared_ptr<prometheus::Collectable> collector_;
  prometheus::Exposer exposer_;
  std::string url_;
};

// "host:port", as both the exposer and a URL write it.
std::string HostPort(const domain::Address& address, int port) {
  const bool v6 = address.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", address.host, port) : fmt::format("{}:{}", address.host, port);
}

}  // namespace

std::shared_ptr<prometheus::Collectable> MakeCollector(Sources sources) {
  return std::make_shared<Collector>(std::move(sources));
}

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(
    const domain::Address& address, std::shared_ptr<prometheus::Collectable> collector) {
  if (address.kind != domain::Address::Kind::kTcp) {
    return absl::InvalidArgumentError(
        fmt::format("metrics cannot be served on {}; give tcp://host:port", address.ToString()));
  }
  // The exposer throws when it cannot bind; it takes addresses, no names.
  domain::Address at = address;
  if (at.host == "localhost") at.host = "127.0.0.1";
  try {
    auto server = std::make_unique<ExposerServer>(HostPort(at, at.port), std::move(collector));
    server->set_url(fmt::format("http://{}/metrics", HostPort(at, server->port())));
    return server;
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        fmt::format("cannot serve metrics on {}: {}", address.ToString(), error.what()));
  }
}

}  // namespace penstock::metrics
