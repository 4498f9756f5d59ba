#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/wasm/inspector.h"

namespace penstock::wasm {

inline constexpr uint64_t kPageByteCount = 65'536;
inline constexpr uint64_t kPageCountMax = 65'536;  // of a 32-bit memory

// What a function takes and returns, one character a value: i I f F are i32 i64 f32 f64, v v128,
// r funcref, e externref.
struct FunctionType {
  std::string params;
  std::string results;
};

enum class ExternalKind : uint8_t { kFunction, kTable, kMemory, kGlobal, kTag };

// The name of a kind, for messages.
std::string_view KindName(ExternalKind kind);

struct ParsedImport {
  std::string_view module;
  std::string_view name;
  ExternalKind kind;
  uint32_t type_index = 0;  // functions
};

struct ParsedExport {
  std::string_view name;
  ExternalKind kind;
  uint32_t index;
};

struct MemoryLimits {
  uint64_t page_count_min = 0;
  std::optional<uint64_t> page_count_max;
};

// The parts of a module that the contract is about. Views point into the module's bytes.
struct ParsedModule {
  std::vector<FunctionType> types;
  std::vector<ParsedImport> imports;
  std::vector<uint32_t> function_types;  // of imported, then of own functions
  uint32_t imported_function_count = 0;
  std::vector<MemoryLimits> memories;
  std::vector<ParsedExport> exports;
  // Where the memory section is, its identifier and size included; empty when there is none.
  size_t memory_section_begin = 0;
  size_t memory_section_end = 0;
};

// Parses the structure of a module into `module`: every section's bounds and order, and the content
// of those that decide what it is. Returns why it cannot.
std::optional<InspectError> ParseModule(std::span<const uint8_t> bytes,
                                        const InspectorLimits& limits, ParsedModule& module);

}  // namespace penstock::wasm
