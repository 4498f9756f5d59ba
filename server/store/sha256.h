#pragma once

#include <openssl/evp.h>

#include <memory>
#include <string>
#include <string_view>

namespace penstock::store {

// SHA-256 of bytes that come piece by piece.
class Sha256 final {
 public:
  static constexpr size_t kHexSize = 64;

  Sha256();
  void Update(std::string_view bytes);
  // 64 lowercase hexadecimal digits. Ends the digest: call once.
  std::string FinishHex();

  static std::string HexOf(std::string_view bytes);
  // Whether `text` could be what FinishHex() returned.
  static bool IsHex(std::string_view text);

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

// Bytes as lowercase hexadecimal digits.
std::string ToHex(std::string_view bytes);

}  // namespace penstock::store
