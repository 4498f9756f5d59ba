#pragma once

#include <cstddef>

namespace penstock::watm {

// Bytes of each of water_dial's two strings; the contract's own limit.
inline constexpr size_t kDialStringByteCountMax = 256;

// Bytes of a session's closing message; what a SessionEnded message carries.
inline constexpr size_t kEndMessageByteCountMax = 4096;

}  // namespace penstock::watm
