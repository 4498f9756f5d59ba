#pragma once

namespace penstock::daemon {

// Of the whole project, as CMakeLists.txt has it.
inline constexpr char kVersion[] = PENSTOCK_VERSION;

}  // namespace penstock::daemon
