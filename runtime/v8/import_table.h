#pragma once

#include <span>
#include <string_view>

#include "runtime/wasi/host_function.h"

namespace penstock::engine {

// Host functions that guests may import under one module name. Rows live for ever. The n-th table
// of a pool is called on the n-th object of an instance.
struct ImportTable {
  std::string_view module;
  std::span<const wasi::HostFunction> functions;
};

}  // namespace penstock::engine
