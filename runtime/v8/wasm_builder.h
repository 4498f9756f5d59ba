#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Assembles small WebAssembly modules for tests. No checks: a wrong module is the test's own.
namespace penstock::engine {

// A function body, instruction by instruction.
class Code final {
 public:
  Code& Op(uint8_t opcode) { return Append({opcode}); }
  Code& Unreachable() { return Op(0x00); }
  Code& Block() { return Append({0x02, 0x40}); }
  Code& Loop() { return Append({0x03, 0x40}); }
  Code& End() { return Op(0x0b); }
  Code& Br(uint32_t depth) { return Op(0x0c).U32(depth); }
  Code& BrIf(uint32_t depth) { return Op(0x0d).U32(depth); }
  Code& Return() { return Op(0x0f); }
  Code& Call(uint32_t function) { return Op(0x10).U32(function); }
  Code& Drop() { return Op(0x1a); }
  Code& LocalGet(uint32_t local) { return Op(0x20).U32(local); }
  Code& LocalSet(uint32_t local) { return Op(0x21).U32(local); }
  Code& LocalTee(uint32_t local) { return Op(0x22).U32(local); }
  Code& GlobalGet(uint32_t global) { return Op(0x23).U32(global); }
  Code& GlobalSet(uint32_t global) { return Op(0x24).U32(global); }
  Code& I32Load(uint32_t offset = 0) { return Append({0x28, 2}).U32(offset); }
  Code& I32Store(uint32_t offset = 0) { return Append({0x36, 2}).U32(offset); }
  Code& MemoryGrow() { return Append({0x40, 0}); }
  Code& I32Const(int32_t value) { return Op(0x41).S64(value); }
  Code& I64Const(int64_t value) { return Op(0x42).S64(value); }
  Code& I32Eqz() { return Op(0x45); }
  Code& I32LtS() { return Op(0x48); }
  Code& I32Add() { return Op(0x6a); }
  Code& I32DivS() { return Op(0x6d); }
  Code& RefNullFunc() { return Append({0xd0, 0x70}); }
  Code& TableGrow(uint32_t table = 0) { return Append({0xfc, 15}).U32(table); }

  Code& U32(uint32_t value);
  Code& S64(int64_t value);
  Code& Append(std::initializer_list<uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes);
    return *this;
  }
  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<uint8_t> bytes_;
};

// A module. Types are strings of 'i' (i32) and 'I' (i64). Imports come before functions.
class WasmBuilder final {
 public:
  // Both return the function's index.
  uint32_t Import(std::string_view module, std::string_view name, std::string_view params,
                  std::string_view results);
  // `name` is exported, and the function's name in traps; may be empty.
  uint32_t Function(std::string_view name, std::string_view params, std::string_view results,
                    const Code& body, std::string_view locals = "");
  // Exported as "memory".
  WasmBuilder& Memory(uint32_t page_count_min, uint32_t page_count_max);
  WasmBuilder& Table(uint32_t element_count_min);
  WasmBuilder& Global(int32_t initial);  // a mutable i32
  WasmBuilder& Data(uint32_t offset, std::string_view bytes);
  WasmBuilder& Start(uint32_t function);

  std::vector<uint8_t> Build() const;

 private:
  using Bytes = std::vector<uint8_t>;
  struct Vector {  // entries of a section
    uint32_t count = 0;
    Code code;
  };
  uint32_t Type(std::string_view params, std::string_view results);
  static void Name(Code& to, std::string_view name);
  static void Section(Bytes& to, uint8_t id, const Vector& entries);

  Vector types_, imports_, functions_, tables_, memories_, globals_, exports_, codes_, data_,
      names_;
  Code start_;
  uint32_t function_count_ = 0;
};

}  // namespace penstock::engine
