#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "runtime/wasi/host_call.h"

namespace penstock::wasi {

enum class Support : uint8_t { kFull, kPartial, kStub };
enum class Blocking : uint8_t { kNever, kMay };

struct Traits {
  Blocking blocking = Blocking::kNever;
  Support support = Support::kFull;
  std::string_view note = {};
};

// Widest host function: path_open.
inline constexpr int kParamsMax = 9;

// What the guest gets back: an i32 (an errno, or a WATM descriptor or negative code), or a trap.
struct [[nodiscard]] HostResult {
  int32_t value = 0;
  std::optional<Trap> trap = std::nullopt;
};

// One row of an import table: a typed method of a host class, and what is derived from its type.
// The only way a function becomes visible to guests; the engine's binding, traces, reference pages
// and tests are made from the rows.
struct HostFunction {
  std::string_view name;
  std::array<std::string_view, kParamsMax> params{};  // wasm-level parameter names
  std::array<char, kParamsMax> types{};               // 'i' = i32, 'I' = i64
  int param_count = 0;
  bool has_result = true;  // i32; false only for proc_exit
  Traits traits;
  // Calls the method on `self` (of the class that the row was made from) with `args`, each an i32
  // zero-extended or an i64.
  HostResult (*call)(void* self, HostCall& call, const uint64_t* args) = nullptr;

  // Wasm parameter types, for example "iIi" for (i32, i64, i32).
  constexpr std::string_view signature() const {
    return {types.data(), static_cast<size_t>(param_count)};
  }
};

// Host<&Class::Method>("name", {"param", ...}, traits) makes a row; see the definition of the
// templates in host_table.h, which only files that define tables include.

}  // namespace penstock::wasi
