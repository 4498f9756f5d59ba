#include "server/domain/host.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace penstock::domain {
namespace {

constexpr size_t kNameSizeMax = 253;  // RFC 1035 2.3.4, without the final dot
constexpr size_t kLabelSizeMax = 63;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= kLabelSizeMax && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '_';
         });
}

bool IsName(std::string_view name) {
  if (name.empty() || name.size() > kNameSizeMax) return false;
  for (;;) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (!IsLabel(label)) return false;
    if (dot == std::string_view::npos) return !std::all_of(label.begin(), label.end(), IsDigit);
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

std::optional<IpLiteral> ParseIpLiteral(std::string_view text) {
  const std::string terminated(text);
  if (terminated.find('\0') != std::string::npos) {
    return std::nullopt;
  }
  IpLiteral literal;
  if (inet_pton(AF_INET, terminated.c_str(), literal.bytes.data()) == 1) {
    literal.byte_count = 4;
    return literal;
  }
  if (inet_pton(AF_INET6, terminated.c_str(), literal.bytes.data()) == 1) {
    literal.byte_count = 16;
    return literal;
  }
  return std::nullopt;
}

std::string ToString(const IpLiteral& literal) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const int family = literal.byte_count == 4 ? AF_INET : AF_INET6;
  (void)inet_ntop(family, literal.bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<std::string> CanonicalHost(std::string_view text) {
  if (const std::optional<IpLiteral> literal = ParseIpLiteral(text)) return ToString(*literal);
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::string name(text);
  std::transform(name.begin(), name.end(), name.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  if (!IsName(name)) return std::nullopt;
  return name;
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace penstock::domain
