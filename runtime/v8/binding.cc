#include "runtime/v8/binding.h"

#include <array>
#include <cstdint>
#include <utility>

#include "runtime/v8/instance.h"
#include "runtime/v8/isolate_host.h"
#include "runtime/wasi/host_call.h"

namespace penstock::engine {
namespace {

using Arguments = std::array<uint64_t, wasi::kParamsMax>;

// V8 has converted by the import's declared signature, which the inspector compared with the row.
Arguments Decode(const v8::FunctionCallbackInfo<v8::Value>& info, const wasi::HostFunction& row) {
  Arguments args{};
  for (int i = 0; i < row.param_count; ++i) {
    const auto at = static_cast<size_t>(i);
    args[at] = row.types[at] == 'I' ? info[i].As<v8::BigInt>()->Uint64Value()
                                    : static_cast<uint32_t>(info[i].As<v8::Int32>()->Value());
  }
  return args;
}

}  // namespace

void CallHostFunction(const v8::FunctionCallbackInfo<v8::Value>& info) {
  const auto& bound = *static_cast<BoundFunction*>(info.Data().As<v8::External>()->Value());
  const Arguments args = Decode(info, *bound.row);
  wasi::HostResult result =
      bound.host->instance()->CallHost(*bound.row, bound.table_index, args.data());
  if (result.trap) {
    bound.host->instance()->Remember(*std::move(result.trap));
    info.GetIsolate()->ThrowException(v8::Undefined(info.GetIsolate()));
    return;
  }
  if (bound.row->has_result) info.GetReturnValue().Set(result.value);
}

}  // namespace penstock::engine
