#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "server/domain/address.h"
#include "server/domain/error.h"
#include "server/domain/host.h"

namespace penstock::domain {
namespace {

constexpr uint16_t kPortMax = 65535;
constexpr std::string_view kSubdomains = "*.";

struct Prefix {
  IpLiteral base;
  size_t bit_count = 0;
};

// "10.0.0.0/8", "fd00::/8" (brackets already removed).
std::optional<Prefix> ParsePrefix(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::optional<IpLiteral> base = ParseIpLiteral(text.substr(0, slash));
  const std::optional<uint16_t> bit_count = ParsePort(text.substr(slash + 1));
  if (!base || !bit_count || *bit_count > base->byte_count * 8) return std::nullopt;
  return Prefix{.base = *base, .bit_count = *bit_count};
}

bool Contains(const Prefix& prefix, const IpLiteral& literal) {
  if (prefix.base.byte_count != literal.byte_count) return false;
  for (size_t bit = 0; bit < prefix.bit_count; bit += 8) {
    const size_t left = std::min<size_t>(8, prefix.bit_count - bit);
    const auto mask = static_cast<uint8_t>(0xff << (8 - left));
    if (((prefix.base.bytes[bit / 8] ^ literal.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

// The host part of a pattern in its one spelling.
std::optional<std::string> CanonicalPatternHost(std::string_view text) {
  if (text == "*") return "*";
  if (text.substr(0, kSubdomains.size()) == kSubdomains) {
    const std::optional<std::string> domain = CanonicalHost(text.substr(kSubdomains.size()));
    if (!domain || ParseIpLiteral(*domain)) return std::nullopt;
    return std::string(kSubdomains) + *domain;
  }
  std::string bare(text);
  if (!text.empty() && text.front() == '[') {
    const size_t close = bare.find(']');
    if (close == std::string::npos) return std::nullopt;
    bare.erase(close, 1);
    bare.erase(0, 1);
    if (bare.find(':') == std::string::npos) return std::nullopt;
  } else if (text.find(':') != std::string_view::npos) {
    return std::nullopt;
  }
  if (bare.find('/') == std::string::npos) return CanonicalHost(bare);
  const std::optional<Prefix> prefix = ParsePrefix(bare);
  if (!prefix) return std::nullopt;
  return fmt::format("{}/{}", ToString(prefix->base), prefix->bit_count);
}

struct PortRange {
  uint16_t first = 1;
  uint16_t last = kPortMax;
};

std::optional<PortRange> ParsePorts(std::string_view text) {
  if (text == "*") return PortRange{};
  const size_t dash = text.find('-');
  const std::optional<uint16_t> first = ParsePort(text.substr(0, dash));
  const std::optional<uint16_t> last =
      dash == std::string_view::npos ? first : ParsePort(text.substr(dash + 1));
  if (!first || !last || *first == 0 || *first > *last) return std::nullopt;
  return PortRange{.first = *first, .last = *last};
}

}  // namespace

absl::StatusOr<DialPattern> DialPattern::Parse(std::string_view text, std::string_view field) {
  constexpr size_t kShownMax = 128;
  const size_t colon = text.rfind(':');
  std::optional<std::string> host;
  std::optional<PortRange> ports;
  if (colon != std::string_view::npos) {
    host = CanonicalPatternHost(text.substr(0, colon));
    ports = ParsePorts(text.substr(colon + 1));
  }
  if (!host || !ports) {
    return InvalidField(
        field, "INVALID_DIAL_PATTERN",
        fmt::format("\"{}\": expected host:port, where host is a name, an address, \"*.domain\", "
                    "a prefix such as 10.0.0.0/8 or [fd00::]/8, or \"*\", and port is a number, "
                    "\"first-last\" or \"*\"",
                    text.substr(0, kShownMax)));
  }
  return DialPattern{.host = *host, .port_first = ports->first, .port_last = ports->last};
}

bool DialPattern::Matches(std::string_view dialed, uint16_t port) const {
  if (port < port_first || port > port_last) return false;
  const std::optional<std::string> canonical = CanonicalHost(dialed);
  if (!canonical) return false;
  if (host == "*") return true;
  if (const std::optional<Prefix> prefix = ParsePrefix(host)) {
    const std::optional<IpLiteral> literal = ParseIpLiteral(*canonical);
    return literal && Contains(*prefix, *literal);
  }
  const std::string_view pattern = host;
  if (pattern.substr(0, kSubdomains.size()) != kSubdomains) return *canonical == pattern;
  const std::string_view suffix = pattern.substr(1);  // ".domain"
  const std::string_view name = *canonical;
  return name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix;
}

}  // namespace penstock::domain
