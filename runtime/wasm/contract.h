#pragma once

#include <optional>
#include <span>

#include "runtime/wasm/inspector.h"
#include "runtime/wasm/module_parser.h"

namespace penstock::wasm {

// Checks a parsed module against WATM v1 over the functions in `host`, and fills `info`.
std::optional<InspectError> CheckContract(const ParsedModule& module,
                                          std::span<const HostSignature> host, ModuleInfo& info);

}  // namespace penstock::wasm
