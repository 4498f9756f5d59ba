#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::domain {

// An IP address as bytes in network order: 4 of them or 16.
struct IpLiteral {
  std::array<uint8_t, 16> bytes{};
  size_t byte_count = 0;

  bool operator==(const IpLiteral&) const = default;
};

// An IPv4 or IPv6 address literal without brackets, in no other spelling than inet_pton(3)'s.
std::optional<IpLiteral> ParseIpLiteral(std::string_view text);
std::string ToString(const IpLiteral& literal);

// A host in its one spelling: an address as inet_ntop(3) writes it, or a name in lower case without
// a final dot. nullopt when it is neither. A name whose last label is a number is a mistyped IPv4
// address, which resolvers read in surprising ways (RFC 3986 3.2.2, "010.0.0.1"), and is refused.
std::optional<std::string> CanonicalHost(std::string_view text);

// 0 to 65535 in decimal digits.
std::optional<uint16_t> ParsePort(std::string_view text);

}  // namespace penstock::domain
