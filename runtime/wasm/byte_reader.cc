#include "runtime/wasm/byte_reader.h"

namespace penstock::wasm {

uint64_t ByteReader::Unsigned(int bit_count) {
  uint64_t value = 0;
  for (int shift = 0; shift < bit_count; shift += 7) {
    const uint8_t byte = Byte();
    if (!ok_) return 0;
    const uint64_t payload = byte & 0x7f;
    const int room = bit_count - shift;
    if (room < 7 && (payload >> room) != 0) break;
    value |= payload << shift;
    if ((byte & 0x80) == 0) return value;
  }
  Fail(/*truncated=*/false);
  return 0;
}

int64_t ByteReader::Signed(int bit_count) {
  uint64_t value = 0;
  for (int shift = 0; shift < bit_count; shift += 7) {
    const uint8_t byte = Byte();
    if (!ok_) return 0;
    const uint64_t payload = byte & 0x7f;
    const int room = bit_count - shift;
    if (room < 7) {
      // The surplus bits repeat the sign.
      const uint64_t surplus = payload >> (room - 1);
      const uint64_t all_ones = 0x7fu >> (room - 1);
      if (surplus != 0 && surplus != all_ones) break;
    }
    value |= payload << shift;
    if ((byte & 0x80) != 0) continue;
    const bool negative = (payload & 0x40) != 0;
    const int next = shift + 7;
    if (negative && next < 64) value |= ~uint64_t{0} << next;
    return static_cast<int64_t>(value);
  }
  Fail(/*truncated=*/false);
  return 0;
}

uint32_t ByteReader::Count() {
  const uint32_t count = U32();
  if (ok_ && count > remaining()) Fail(/*truncated=*/true);
  return ok_ ? count : 0;
}

std::span<const uint8_t> ByteReader::Bytes(size_t count) {
  if (count > remaining()) {
    Fail(/*truncated=*/true);
    return {};
  }
  const auto bytes = bytes_.subspan(at_, count);
  at_ += count;
  return bytes;
}

ByteReader ByteReader::Sub(size_t count) {
  const size_t begin = offset();
  return ByteReader(Bytes(count), begin);
}

std::string_view ByteReader::Name() {
  const auto bytes = Bytes(U32());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace penstock::wasm
