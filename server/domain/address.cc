#include "server/domain/address.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "server/domain/error.h"
#include "server/domain/host.h"

namespace penstock::domain {
namespace {

constexpr size_t kUnixPathSizeMax = 107;  // sun_path without its NUL, unix(7)
constexpr size_t kShownMax = 128;         // of bad input in a message

absl::Status InvalidAddress(std::string_view field, std::string_view text, std::string_view why) {
  return InvalidField(field, "INVALID_ADDRESS",
                      fmt::format("\"{}\": {}", text.substr(0, kShownMax), why));
}

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

absl::StatusOr<Address> ParseUnix(std::string_view text, std::string_view path,
                                  std::string_view field) {
  if (path.empty() || path.front() != '/') {
    return InvalidAddress(field, text, "expected unix:///absolute/path");
  }
  if (path.size() > kUnixPathSizeMax) {
    return InvalidAddress(field, text,
                          fmt::format("a Unix socket's path has at most {} bytes, this one has {}",
                                      kUnixPathSizeMax, path.size()));
  }
  const bool control = std::any_of(path.begin(), path.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  if (control || path.back() == '/') {
    return InvalidAddress(field, text, "expected the path of a socket, without control characters");
  }
  Address address;
  address.kind = Address::Kind::kUnix;
  address.path = path;
  return address;
}

absl::StatusOr<Address> ParseTcp(std::string_view text, std::string_view authority,
                                 std::string_view field) {
  const size_t colon = authority.rfind(':');
  if (colon == std::string_view::npos || authority.back() == ']') {
    return InvalidAddress(field, text, "expected tcp://host:port, the port is missing");
  }
  std::string_view host = authority.substr(0, colon);
  const std::optional<uint16_t> port = ParsePort(authority.substr(colon + 1));
  if (!port) return InvalidAddress(field, text, "expected a port between 0 and 65535");
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const std::optional<std::string> canonical = CanonicalHost(host);
  const bool is_v6 = canonical && canonical->find(':') != std::string::npos;
  if (!canonical || is_v6 != bracketed) {
    return InvalidAddress(field, text,
                          "expected a host name, an IPv4 address or an IPv6 address in brackets");
  }
  Address address;
  address.host = *canonical;
  address.port = *port;
  return address;
}

}  // namespace

absl::StatusOr<Address> Address::Parse(std::string_view text, std::string_view field) {
  std::string_view rest = text;
  if (TakePrefix(rest, "tcp://")) return ParseTcp(text, rest, field);
  if (TakePrefix(rest, "unix://")) return ParseUnix(text, rest, field);
  return InvalidAddress(field, text, "expected tcp://host:port or unix:///path");
}

std::string Address::ToString() const {
  if (kind == Kind::kUnix) return fmt::format("unix://{}", path);
  const bool is_v6 = host.find(':') != std::string::npos;
  return is_v6 ? fmt::format("tcp://[{}]:{}", host, port) : fmt::format("tcp://{}:{}", host, port);
}

}  // namespace penstock::domain
