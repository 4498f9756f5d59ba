#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::wasm {

// As penstock.v1.Role; what a module's exports make it usable for.
enum class Role : uint8_t { kDialer = 1, kDialerFixed = 2, kListener = 3, kRelay = 4 };

// One function that the host offers, for checking imports. `params` as "iIi"; `result` 'i' or 0.
struct HostSignature {
  std::string_view module;
  std::string_view name;
  std::string_view params;
  char result;
};

struct InspectorLimits {
  uint64_t module_byte_count_max = 64ull << 20;
  uint64_t memory_byte_count_max = 256ull << 20;  // of the minimum that the module declares
  uint32_t function_count_max = 200'000;
  uint32_t data_segment_count_max = 100'000;
  uint32_t table_element_count_max = 10'000'000;
  uint32_t table_count_max = 16;  // each may grow, on the engine's heap
  uint32_t name_byte_count_max = 100'000;
};

struct Import {
  std::string module;
  std::string name;
};

struct ModuleInfo {
  std::vector<Role> roles;
  std::vector<Import> imports;      // functions, in the module's order
  bool exports_start = false;       // "_start"
  bool exports_initialize = false;  // "_initialize"
  uint64_t memory_minimum_byte_count = 0;
  std::optional<uint64_t> memory_maximum_byte_count;
};

// Why bytes are not a WATM v1 module that Penstock runs.
struct InspectError {
  std::string reason;   // UPPER_SNAKE_CASE from a closed list, e.g. "UNKNOWN_IMPORT"
  std::string message;  // what was found, where, and what was expected
};

struct InspectResult {
  std::optional<ModuleInfo> info;
  std::optional<InspectError> error;  // set exactly when `info` is not
};

// Checks bytes against the WebAssembly binary format (structure, not function bodies' types: the
// engine validates those) and the WATM v1 contract, over the functions in `host`. Never trusts a
// length; runs in time linear in the input.
InspectResult Inspect(std::span<const uint8_t> bytes, std::span<const HostSignature> host,
                      const InspectorLimits& limits);

// The module with its memory's maximum set to at most `byte_count_max` (whole pages), so that the
// engine bounds memory.grow. Precondition: Inspect() accepted the bytes under a limit >= the
// module's minimum.
std::vector<uint8_t> WithMemoryMaximum(std::span<const uint8_t> bytes, uint64_t byte_count_max);

}  // namespace penstock::wasm
