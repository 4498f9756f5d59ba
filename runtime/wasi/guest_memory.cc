#include "runtime/wasi/guest_memory.h"

namespace penstock::wasi {

size_t ByteCountOf(std::span<const iovec> parts) {
  size_t sum = 0;
  for (const iovec& part : parts) sum += part.iov_len;
  return sum;
}

Result<std::string_view> GuestMemory::Text(GuestSpan<char> text) const {
  WASI_ASSIGN_OR_RETURN(const auto bytes, Span(text.offset, text.count));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

Result<HostIoVecs> GuestMemory::Iovecs(GuestSpan<IoVec> vectors) const {
  if (vectors.count > kIoVecCountMax) return Errno::kInval;
  const GuestPtr<IoVec> array{vectors.offset};
  if (!Contains(array, vectors.count)) return Errno::kFault;
  HostIoVecs parts;
  parts.reserve(vectors.count);
  uint64_t byte_count = 0;
  for (uint32_t i = 0; i < vectors.count; ++i) {
    WASI_ASSIGN_OR_RETURN(const IoVec vector, Read(array, i));
    WASI_ASSIGN_OR_RETURN(const auto bytes, Span(vector.ptr, vector.len));
    byte_count += bytes.size();
    if (!bytes.empty()) parts.push_back({.iov_base = bytes.data(), .iov_len = bytes.size()});
  }
  // Overlapping buffers can add up to more than the result type can say.
  if (byte_count > UINT32_MAX) return Errno::kInval;
  return parts;
}

}  // namespace penstock::wasi
