#pragma once

namespace penstock::internal {

// Logs the failed condition with its place and aborts.
[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace penstock::internal

// For what is provable from the code alone; never for input, guests or the outside world.
#define PENSTOCK_CHECK(condition)                                                        \
  do {                                                                                   \
    if (!(condition)) ::penstock::internal::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
