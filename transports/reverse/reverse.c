// reverse: reverses the order of the bits in every byte (0x01 becomes 0x80). It hides nothing; it
// makes visible on the wire that a module was at work.
//
// Reversing the *bytes of each read*, as a well-known example module does, is undone by the other
// side only when both see the same pieces, and TCP keeps no pieces: longer streams arrive
// scrambled. Bit order needs no framing, keeps the length, and is its own inverse.
#include "transports/common/roles.h"

// Swaps ever larger neighbours: bits, pairs, nibbles; in eight bytes at once.
static uint64_t reverse_bits_of_each_byte(uint64_t word) {
  word = (word & 0x5555555555555555u) << 1 | (word >> 1 & 0x5555555555555555u);
  word = (word & 0x3333333333333333u) << 2 | (word >> 2 & 0x3333333333333333u);
  return (word & 0x0f0f0f0f0f0f0f0fu) << 4 | (word >> 4 & 0x0f0f0f0f0f0f0f0fu);
}

static void reverse(uint8_t* bytes, size_t size) {
  size_t done = 0;
  for (uint64_t word; size - done >= sizeof word; done += sizeof word) {
    __builtin_memcpy(&word, bytes + done, sizeof word);
    word = reverse_bits_of_each_byte(word);
    __builtin_memcpy(bytes + done, &word, sizeof word);
  }
  for (; done < size; ++done) bytes[done] = (uint8_t)reverse_bits_of_each_byte(bytes[done]);
}

const struct codec transport_codec = {.encode = reverse, .decode = reverse};
