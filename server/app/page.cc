#include "server/app/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/status.h"
#include "server/domain/error.h"
#include "server/store/sha256.h"

namespace penstock::app {
namespace {

constexpr size_t kKeyDigestSize = 16;  // hexadecimal digits of the token that bind it to its list

std::string KeyDigest(std::string_view key) {
  return store::Sha256::HexOf(key).substr(0, kKeyDigestSize);
}

std::optional<uint8_t> FromDigit(char c) {
  if (c >= '0' && c <= '9') return static_cast<uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

std::optional<std::string> FromHex(std::string_view hex) {
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    const std::optional<uint8_t> high = FromDigit(hex[i]);
    const std::optional<uint8_t> low = FromDigit(hex[i + 1]);
    if (!high || !low) return std::nullopt;
    bytes.push_back(static_cast<char>(*high << 4 | *low));
  }
  return bytes;
}

// A token is the digest of the last key of the page before, and that key's ID in hexadecimal.
std::string MakeToken(std::string_view prefix, std::string_view last_key) {
  return KeyDigest(last_key) + store::ToHex(last_key.substr(prefix.size()));
}

absl::StatusOr<std::string> KeyAfter(const std::string& prefix, std::string_view token) {
  if (token.empty()) return std::string();
  std::optional<std::string> id;
  if (token.size() > kKeyDigestSize) id = FromHex(token.substr(kKeyDigestSize));
  if (!id || token.substr(0, kKeyDigestSize) != KeyDigest(prefix + *id)) {
    return domain::InvalidField("page_token", "INVALID_PAGE_TOKEN",
                                "expected the next_page_token of a page of this very list");
  }
  return prefix + *id;
}

}  // namespace

absl::StatusOr<KeyPage> ReadPage(store::StateStore& store, const std::string& prefix,
                                 int32_t page_size, std::string_view page_token) {
  if (page_size < 0) {
    return domain::InvalidField(
        "page_size", "NEGATIVE_PAGE_SIZE",
        fmt::format("{} is negative; expected 0 for the default of {}, or 1 to {}", page_size,
                    +kPageSizeDefault, +kPageSizeMax));
  }
  const int32_t limit = page_size == 0 ? kPageSizeDefault : std::min(page_size, kPageSizeMax);
  ASSIGN_OR_RETURN(const std::string after, KeyAfter(prefix, page_token));
  ASSIGN_OR_RETURN(store::RangeResult range,
                   store.Range(prefix, after, static_cast<size_t>(limit)));
  KeyPage page;
  if (range.more) page.next_page_token = MakeToken(prefix, range.kvs.back().key);
  page.kvs = std::move(range.kvs);
  return page;
}

}  // namespace penstock::app
