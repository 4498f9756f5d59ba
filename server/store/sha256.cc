#include "server/store/sha256.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace penstock::store {

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  PENSTOCK_CHECK(context_ != nullptr);
  PENSTOCK_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

void Sha256::Update(std::string_view bytes) {
  PENSTOCK_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Sha256::FinishHex() {
  std::array<unsigned char, kHexSize / 2> digest{};
  PENSTOCK_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  return ToHex({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string Sha256::HexOf(std::string_view bytes) {
  Sha256 sha;
  sha.Update(bytes);
  return sha.FinishHex();
}

bool Sha256::IsHex(std::string_view text) {
  return text.size() == kHexSize && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string ToHex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace penstock::store
