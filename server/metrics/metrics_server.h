#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "prometheus/collectable.h"
#include "server/domain/address.h"
#include "server/metrics/sources.h"

namespace penstock::metrics {

// Every family of Penstock, read from `sources` at each scrape.
std::shared_ptr<prometheus::Collectable> MakeCollector(Sources sources);

// Serves a collector in Prometheus' text format over HTTP, on threads of its own, until it is
// destroyed.
class MetricsServer {
 public:
  virtual ~MetricsServer() = default;

  // Listens on `address` (TCP; port 0 picks one). UNAVAILABLE when that fails.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(
      const domain::Address& address, std::shared_ptr<prometheus::Collectable> collector);

  // "http://127.0.0.1:9464/metrics", with the port that was chosen.
  virtual const std::string& url() const = 0;
  virtual uint16_t port() const = 0;
};

}  // namespace penstock::metrics
