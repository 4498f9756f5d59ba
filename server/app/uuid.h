#pragma once

#include <string>
#include <string_view>

namespace penstock::app {

// A random UUID (RFC 9562, version 4), from the kernel's generator.
std::string NewUuid();
// Whether `text` is a UUID in its usual spelling, in either case.
bool IsUuid(std::string_view text);

}  // namespace penstock::app
