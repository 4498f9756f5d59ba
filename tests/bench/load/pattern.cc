#include "tests/bench/load/pattern.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "base/check.h"

namespace penstock::bench {

const Pattern& Pattern::Get() {
  static const Pattern pattern;
  return pattern;
}

Pattern::Pattern() : bytes_(kPeriod_bytes + kChunkMax_bytes) {
  std::minstd_rand random(/*seed=*/1);
  std::generate_n(bytes_.begin(), kPeriod_bytes,
                  [&] { return static_cast<std::byte>(random() >> 8 & 0xff); });
  // Longer than its period, so that a chunk is one piece wherever it begins.
  for (size_t i = kPeriod_bytes; i < bytes_.size(); ++i) bytes_[i] = bytes_[i - kPeriod_bytes];
}

std::span<const std::byte> Pattern::At(uint64_t offset, size_t byte_count) const {
  PENSTOCK_CHECK(byte_count <= kChunkMax_bytes);
  return std::span(bytes_).subspan(offset % kPeriod_bytes, byte_count);
}

bool Pattern::Matches(uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const size_t byte_count = std::min(bytes.size(), kChunkMax_bytes);
    if (std::memcmp(At(offset, byte_count).data(), bytes.data(), byte_count) != 0) return false;
    bytes = bytes.subspan(byte_count);
    offset += byte_count;
  }
  return true;
}

}  // namespace penstock::bench
