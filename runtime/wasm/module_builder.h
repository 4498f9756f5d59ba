#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::wasm {

using ModuleBytes = std::vector<uint8_t>;

// Encodings for test modules, whose lists and bodies are all shorter than 128.
inline ModuleBytes Sized(const ModuleBytes& content) {
  ModuleBytes out;
  for (size_t size = content.size();; size >>= 7) {
    out.push_back(static_cast<uint8_t>((size & 0x7f) | (size >= 0x80 ? 0x80 : 0)));
    if (size < 0x80) break;
  }
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

inline ModuleBytes operator+(ModuleBytes a, const ModuleBytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline ModuleBytes NameBytes(std::string_view name) {
  return Sized(ModuleBytes(name.begin(), name.end()));
}

// A WATM v1 module that tests bend in one place each: every member is one section's elements.
struct ModuleBuilder {
  std::vector<ModuleBytes> types = {
      {0x60, 0, 1, 0x7f},                          // 0: () -> i32
      {0x60, 1, 0x7f, 1, 0x7f},                    // 1: (i32) -> i32
      {0x60, 0, 0},                                // 2: () -> ()
      {0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f},  // 3: (i32 x 4) -> i32
  };
  std::vector<ModuleBytes> imports = {Import("env", "water_dial_fixed", 0),
                                      Import("env", "water_accept", 0)};
  std::vector<ModuleBytes> tables;
  std::vector<ModuleBytes> memories = {{0, 2}};
  std::vector<ModuleBytes> globals;
  // Own functions 2, 3 and 4, of types 0, 1 and 2.
  std::vector<ModuleBytes> functions = {{0}, {1}, {2}};
  std::vector<ModuleBytes> bodies = {{0, 0x41, 0, 0x0b}, {0, 0x41, 0, 0x0b}, {0, 0x0b}};
  std::vector<ModuleBytes> exports = {
      NameBytes("memory") + ModuleBytes{2, 0},
      Export("watm_init_v1", 2),
      Export("watm_ctrlpipe_v1", 3),
      Export("watm_start_v1", 2),
      Export("watm_dial_v1", 3),
  };

  static ModuleBytes Import(std::string_view module, std::string_view name, uint8_t type) {
    return NameBytes(module) + NameBytes(name) + ModuleBytes{0, type};
  }
  static ModuleBytes Export(std::string_view name, uint8_t function) {
    return NameBytes(name) + ModuleBytes{0, function};
  }

  ModuleBytes Build() const {
    std::vector<ModuleBytes> sized_bodies;
    for (const ModuleBytes& body : bodies) sized_bodies.push_back(Sized(body));
    ModuleBytes out = {0, 'a', 's', 'm', 1, 0, 0, 0};
    return out + Section(1, types) + Section(2, imports) + Section(3, functions) +
           Section(4, tables) + Section(5, memories) + Section(6, globals) + Section(7, exports) +
           Section(10, sized_bodies);
  }

  static ModuleBytes Section(uint8_t id, const std::vector<ModuleBytes>& elements) {
    if (elements.empty()) return {};
    ModuleBytes content = {static_cast<uint8_t>(elements.size())};
    for (const ModuleBytes& element : elements) content = content + element;
    return ModuleBytes{id} + Sized(content);
  }
};

}  // namespace penstock::wasm
