#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace penstock::bench {

// The payload of every measurement: a repeating block of pseudo-random bytes, so that each byte of
// a stream is known from its offset alone. The period is a prime, which no buffer size divides: a
// block that is dropped, doubled or out of place does not match.
//
// Threads: immutable, safe from any.
class Pattern final {
 public:
  static constexpr size_t kPeriod_bytes = 65'521;
  static constexpr size_t kChunkMax_bytes = 256 * 1024;

  static const Pattern& Get();

  // The `byte_count` bytes of the stream that begin at `offset`. Precondition: at most
  // kChunkMax_bytes.
  std::span<const std::byte> At(uint64_t offset, size_t byte_count) const;

  // Whether `bytes` are what the stream holds at `offset`.
  bool Matches(uint64_t offset, std::span<const std::byte> bytes) const;

 private:
  Pattern();

  std::vector<std::byte> bytes_;
};

}  // namespace penstock::bench
