#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace penstock::wasm {

// Reads the encodings of the WebAssembly binary format from hostile bytes. The first read that
// fails makes all later ones fail: callers look at ok() where it matters, at the latest before they
// use a count.
//
// Source: WebAssembly Core Specification 5.2 (integers: LEB128 of at most ceil(N/7) bytes, without
// bits that do not belong to the value).
class ByteReader final {
 public:
  // `offset` is where `bytes` begin in the module, for messages.
  explicit ByteReader(std::span<const uint8_t> bytes, size_t offset = 0)
      : bytes_(bytes), base_(offset) {}

  bool ok() const { return ok_; }
  // True when a read went beyond the end, as opposed to a malformed value.
  bool truncated() const { return truncated_; }
  bool at_end() const { return at_ == bytes_.size(); }
  size_t remaining() const { return bytes_.size() - at_; }
  // Where the next read begins, in the module.
  size_t offset() const { return base_ + at_; }

  uint8_t Byte() {
    if (remaining() == 0) {
      Fail(/*truncated=*/true);
      return 0;
    }
    return bytes_[at_++];
  }
  uint32_t U32() { return static_cast<uint32_t>(Unsigned(32)); }
  uint64_t U64() { return Unsigned(64); }
  // A signed integer of `bit_count` bits.
  int64_t Signed(int bit_count);

  // The number of elements of a vector, each at least one byte long; fails for one that cannot fit
  // what is left, so that nobody reserves memory for a lie.
  uint32_t Count();

  std::span<const uint8_t> Bytes(size_t count);
  // A reader for the next `count` bytes, which are skipped here.
  ByteReader Sub(size_t count);
  std::string_view Name();

 private:
  uint64_t Unsigned(int bit_count);
  void Fail(bool truncated) {
    if (ok_) truncated_ = truncated;
    ok_ = false;
    at_ = bytes_.size();
  }

  std::span<const uint8_t> bytes_;
  size_t base_;
  size_t at_ = 0;
  bool ok_ = true;
  bool truncated_ = false;
};

}  // namespace penstock::wasm
