#include "runtime/v8/wasm_builder.h"

namespace penstock::engine {
namespace {

void AppendAll(std::vector<uint8_t>& to, const std::vector<uint8_t>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void AppendSized(Code& to, const Code& body) {
  to.U32(static_cast<uint32_t>(body.bytes().size()));
  for (const uint8_t byte : body.bytes()) to.Op(byte);
}

void AppendTypes(Code& to, std::string_view types) {
  to.U32(static_cast<uint32_t>(types.size()));
  for (const char type : types) to.Op(type == 'I' ? 0x7e : 0x7f);
}

}  // namespace

Code& Code::U32(uint32_t value) {
  while (value >= 0x80) {
    Op(static_cast<uint8_t>(value | 0x80));
    value >>= 7;
  }
  return Op(static_cast<uint8_t>(value));
}

Code& Code::S64(int64_t value) {
  for (;;) {
    const auto low = static_cast<uint8_t>(value & 0x7f);
    value >>= 7;
    if ((value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0)) return Op(low);
    Op(low | 0x80);
  }
}

void WasmBuilder::Name(Code& to, std::string_view name) {
  to.U32(static_cast<uint32_t>(name.size()));
  for (const char c : name) to.Op(static_cast<uint8_t>(c));
}

uint32_t WasmBuilder::Type(std::string_view params, std::string_view results) {
  types_.code.Op(0x60);
  AppendTypes(types_.code, params);
  AppendTypes(types_.code, results);
  return types_.count++;
}

uint32_t WasmBuilder::Import(std::string_view module, std::string_view name,
                             std::string_view params, std::string_view results) {
  Name(imports_.code, module);
  Name(imports_.code, name);
  imports_.code.Op(0x00).U32(Type(params, results));
  ++imports_.count;
  return function_count_++;
}

uint32_t WasmBuilder::Function(std::string_view name, std::string_view params,
                               std::string_view results, const Code& body,
                               std::string_view locals) {
  functions_.code.U32(Type(params, results));
  ++functions_.count;
  if (!name.empty()) {
    Name(exports_.code, name);
    exports_.code.Op(0x00).U32(function_count_);
    ++exports_.count;
    Name(names_.code.U32(function_count_), name);
    ++names_.count;
  }
  Code whole;
  whole.U32(static_cast<uint32_t>(locals.size()));
  for (const char local : locals) whole.U32(1).Op(local == 'I' ? 0x7e : 0x7f);
  for (const uint8_t byte : body.bytes()) whole.Op(byte);
  AppendSized(codes_.code, whole.End());
  ++codes_.count;
  return function_count_++;
}

WasmBuilder& WasmBuilder::Memory(uint32_t page_count_min, uint32_t page_count_max) {
  memories_.code.Op(0x01).U32(page_count_min).U32(page_count_max);
  ++memories_.count;
  Name(exports_.code, "memory");
  exports_.code.Op(0x02).U32(0);
  ++exports_.count;
  return *this;
}

WasmBuilder& WasmBuilder::Table(uint32_t element_count_min) {
  tables_.code.Op(0x70).Op(0x00).U32(element_count_min);
  ++tables_.count;
  return *this;
}

WasmBuilder& WasmBuilder::Global(int32_t initial) {
  globals_.code.Append({0x7f, 0x01}).I32Const(initial).End();
  ++globals_.count;
  return *this;
}

WasmBuilder& WasmBuilder::Data(uint32_t offset, std::string_view bytes) {
  data_.code.Op(0x00).I32Const(static_cast<int32_t>(offset)).End();
  Name(data_.code, bytes);
  ++data_.count;
  return *this;
}

WasmBuilder& WasmBuilder::Start(uint32_t function) {
  start_ = Code().U32(function);
  return *this;
}

void WasmBuilder::Section(Bytes& to, uint8_t id, const Vector& entries) {
  if (entries.count == 0) return;
  Code content;
  content.U32(entries.count);
  AppendAll(to,
            Code()
                .Op(id)
                .U32(static_cast<uint32_t>(content.bytes().size() + entries.code.bytes().size()))
                .bytes());
  AppendAll(to, content.bytes());
  AppendAll(to, entries.code.bytes());
}

std::vector<uint8_t> WasmBuilder::Build() const {
  Bytes module = {0, 'a', 's', 'm', 1, 0, 0, 0};
  Section(module, 1, types_);
  Section(module, 2, imports_);
  Section(module, 3, functions_);
  Section(module, 4, tables_);
  Section(module, 5, memories_);
  Section(module, 6, globals_);
  Section(module, 7, exports_);
  if (!start_.bytes().empty()) {
    Code section;
    AppendSized(section.Op(8), start_);
    AppendAll(module, section.bytes());
  }
  Section(module, 10, codes_);
  Section(module, 11, data_);
  if (names_.count > 0) {
    Code functions;
    functions.U32(names_.count);
    for (const uint8_t byte : names_.code.bytes()) functions.Op(byte);
    Code custom;
    Name(custom, "name");
    AppendSized(custom.Op(0x01), functions);
    Code section;
    AppendSized(section.Op(0x00), custom);
    AppendAll(module, section.bytes());
  }
  return module;
}

}  // namespace penstock::engine
