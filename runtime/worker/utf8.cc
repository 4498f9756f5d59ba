#include "runtime/worker/utf8.h"

#include <cstddef>
#include <cstdint>

namespace penstock::worker {
namespace {

// Bytes of the character that `text` starts with; 0 if it does not start with one (RFC 3629: no
// overlong forms, no surrogates, nothing above U+10FFFF).
size_t CharacterByteCount(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = at(0);
  if (lead < 0x80) return 1;
  const size_t count = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < count) return 0;
  for (size_t i = 1; i < count; ++i) {
    if ((at(i) & 0xc0) != 0x80) return 0;
  }
  const uint8_t second = at(1);
  if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f)) return 0;
  if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f)) return 0;
  return count;
}

}  // namespace

std::string ToUtf8(std::string_view text, size_t byte_count_max) {
  std::string out;
  while (!text.empty()) {
    const size_t count = CharacterByteCount(text);
    const size_t taken = count == 0 ? 1 : count;
    if (out.size() + taken > byte_count_max) break;
    if (count == 0) {
      out += '?';
    } else {
      out += text.substr(0, count);
    }
    text.remove_prefix(taken);
  }
  return out;
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t count = CharacterByteCount(text);
    if (count == 0) return false;
    text.remove_prefix(count);
  }
  return true;
}

}  // namespace penstock::worker
