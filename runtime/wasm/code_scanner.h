#pragma once

#include <optional>
#include <string>

#include "runtime/wasm/byte_reader.h"
#include "runtime/wasm/inspector.h"

namespace penstock::wasm {

// Walks the instructions of a function body (after its size) to its end, decoding immediates only.
// An error for exception handling, atomics, and every instruction outside WebAssembly 2.0 plus
// relaxed SIMD and tail calls: host traps rely on guests that cannot catch.
std::optional<InspectError> ScanFunctionBody(ByteReader& body);

// Walks a constant expression through its `end`.
std::optional<InspectError> ScanConstantExpression(ByteReader& reader);

// True for the number and reference types of WebAssembly 2.0, by their code.
bool IsValueType(uint8_t code);

// The error for a reader that has failed in `where`, or for content that is not well-formed.
InspectError MalformedError(const ByteReader& reader, const std::string& where);

}  // namespace penstock::wasm
