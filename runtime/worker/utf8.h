#pragma once

#include <string>
#include <string_view>

namespace penstock::worker {

// `text` as valid UTF-8 of at most `byte_count_max` bytes: what is not a character becomes '?'. For
// what guests say: the channel's messages carry nothing else in their strings.
std::string ToUtf8(std::string_view text, size_t byte_count_max);

// True when `text` is valid UTF-8 as it is.
bool IsUtf8(std::string_view text);

}  // namespace penstock::worker
