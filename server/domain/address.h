#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace penstock::domain {

// Where to listen or connect.
struct Address {
  enum class Kind { kTcp, kUnix };
  Kind kind = Kind::kTcp;
  std::string host;   // kTcp: a name, an IPv4 or an IPv6 address without brackets
  uint16_t port = 0;  // kTcp
  std::string path;   // kUnix: absolute

  // "tcp://host:port", "tcp://[v6]:port" or "unix:///path". INVALID_ARGUMENT with reason
  // INVALID_ADDRESS about `field`.
  static absl::StatusOr<Address> Parse(std::string_view text, std::string_view field);
  std::string ToString() const;
  bool operator==(const Address&) const = default;
};

// One entry of an allow list: host:port, where host is an exact name or address, "*.domain", a
// CIDR prefix ("10.0.0.0/8", "[fd00::]/8") or "*", and port is a number, "first-last" or "*".
struct DialPattern {
  std::string host;
  uint16_t port_first = 0;
  uint16_t port_last = 0;

  static absl::StatusOr<DialPattern> Parse(std::string_view text, std::string_view field);
  // Whether the pattern permits `dialed` (a name or an address literal, as the module wrote it) and
  // `port`. A CIDR or address pattern matches address literals only.
  bool Matches(std::string_view dialed, uint16_t port) const;
};

}  // namespace penstock::domain
