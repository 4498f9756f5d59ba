#include "server/app/uuid.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "base/check.h"
#include "server/store/sha256.h"

namespace penstock::app {
namespace {

constexpr size_t kByteCount = 16;
constexpr std::array<size_t, 4> kDashesAt = {8, 13, 18, 23};

bool IsHexDigit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

std::string NewUuid() {
  std::array<char, kByteCount> bytes{};
  ssize_t byte_count = 0;
  do {  // up to 256 bytes come whole, getrandom(2)
    byte_count = getrandom(bytes.data(), bytes.size(), 0);
  } while (byte_count < 0 && errno == EINTR);
  PENSTOCK_CHECK(byte_count == ssize_t{kByteCount});
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string uuid = store::ToHex({bytes.data(), bytes.size()});
  for (const size_t at : kDashesAt) uuid.insert(at, 1, '-');
  return uuid;
}

bool IsUuid(std::string_view text) {
  if (text.size() != kByteCount * 2 + kDashesAt.size()) return false;
  size_t dash = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash_here = dash < kDashesAt.size() && i == kDashesAt[dash];
    if (dash_here) ++dash;
    if (dash_here ? text[i] != '-' : !IsHexDigit(text[i])) return false;
  }
  return true;
}

}  // namespace penstock::app
