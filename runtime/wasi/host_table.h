#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/wasi/host_function.h"
#include "runtime/wasi/result.h"

// Makes rows of an import table from typed methods. A method is
//
//   Result<R> Class::Method(HostCall& call, A... arguments)
//
// Arguments lower to wasm parameters in order: integers and enums of up to 32 bits to i32 (a value
// that does not fit is EINVAL), 64-bit ones to i64, GuestPtr to i32, GuestSpan to two i32. R
// decides the rest: Unit adds nothing; any other value adds a trailing out-pointer (a std::tuple
// one for each element), checked before the call and written after it; RawResult is what the
// function returns itself, with -errno for a failure; Never is for what does not return.
namespace penstock::wasi {

// A function's own i32 result, instead of an errno.
struct RawResult {
  int32_t value;
};

// A function that always traps.
struct Never {};

namespace table_internal {

template <typename T>
struct Lower;

template <typename T>
requires std::is_integral_v<T>
struct Lower<T> {
  static constexpr std::string_view kTypes = sizeof(T) <= 4 ? "i" : "I";
  static bool Take(const uint64_t*& args, T& out) {
    const uint64_t raw = *args++;
    out = static_cast<T>(raw);
    return sizeof(T) >= 4 || raw <= std::numeric_limits<T>::max();
  }
};

template <typename T>
requires std::is_enum_v<T>
struct Lower<T> {
  using Base = Lower<std::underlying_type_t<T>>;
  static constexpr std::string_view kTypes = Base::kTypes;
  static bool Take(const uint64_t*& args, T& out) {
    std::underlying_type_t<T> value;
    const bool fits = Base::Take(args, value);
    out = static_cast<T>(value);
    return fits;
  }
};

template <typename T>
struct Lower<GuestPtr<T>> {
  static constexpr std::string_view kTypes = "i";
  static bool Take(const uint64_t*& args, GuestPtr<T>& out) {
    out.offset = static_cast<uint32_t>(*args++);
    return true;
  }
};

template <typename T>
struct Lower<GuestSpan<T>> {
  static constexpr std::string_view kTypes = "ii";
  static bool Take(const uint64_t*& args, GuestSpan<T>& out) {
    out.offset = static_cast<uint32_t>(*args++);
    out.count = static_cast<uint32_t>(*args++);
    return true;
  }
};

// The out-pointers that a returned R needs.
template <typename R>
struct Outs {
  using Pointers = std::tuple<GuestPtr<R>>;
  static bool Store(const GuestMemory& memory, const Pointers& at, const R& value) {
    return memory.Write(std::get<0>(at), value).ok();
  }
};
template <typename R>
requires(std::is_same_v<R, Unit> || std::is_same_v<R, Never> ||
         std::is_same_v<R, RawResult>) struct Outs<R> {
  using Pointers = std::tuple<>;
  static bool Store(const GuestMemory&, const Pointers&, const R&) { return true; }
};
template <typename... T>
struct Outs<std::tuple<T...>> {
  using Pointers = std::tuple<GuestPtr<T>...>;
  static bool Store(const GuestMemory& memory, const Pointers& at, const std::tuple<T...>& value) {
    return [&]<size_t... I>(std::index_sequence<I...>) {
      return (memory.Write(std::get<I>(at), std::get<I>(value)).ok() && ...);
    }
    (std::index_sequence_for<T...>());
  }
};

template <typename Method>
struct Signature;
template <typename R, typename C, typename... A>
struct Signature<Result<R> (C::*)(HostCall&, A...)> {
  using Return = R;
  using Class = C;
  using Args = std::tuple<A...>;
  static constexpr size_t kOutCount = std::tuple_size_v<typename Outs<R>::Pointers>;
  static constexpr size_t kParamCount = (size_t{0} + ... + Lower<A>::kTypes.size()) + kOutCount;
};

// Takes all of `out` from `args`; false if one does not fit its type.
template <typename... T>
bool TakeAll(const uint64_t*& args, std::tuple<T...>& out) {
  return std::apply(
      [&args](auto&... each) {
        return (Lower<std::remove_reference_t<decltype(each)>>::Take(args, each) && ...);
      },
      out);
}

inline HostResult Fail(Failure& failure, bool raw) {
  if (failure.is_trap()) return {.trap = std::move(failure.trap())};
  const auto code = static_cast<int32_t>(failure.code());
  return {.value = raw ? -code : code};
}

// Decodes, checks the out-pointers, calls, and encodes: the body of every row.
template <auto Method>
HostResult Invoke(void* self, HostCall& call, const uint64_t* args) {
  using S = Signature<decltype(Method)>;
  using Return = typename S::Return;
  constexpr bool kRaw = std::is_same_v<Return, RawResult>;
  const auto refuse = [](Errno code) {
    Failure failure(code);
    return Fail(failure, kRaw);
  };

  typename S::Args arguments;
  if (!TakeAll(args, arguments)) return refuse(Errno::kInval);
  typename Outs<Return>::Pointers outs;
  (void)TakeAll(args, outs);
  const bool outs_fit = std::apply(
      [&](const auto&... out) { return (true && ... && call.memory().Contains(out)); }, outs);
  if (!outs_fit) return refuse(Errno::kFault);

  auto result = std::apply(
      [&](const auto&... each) {
        return (static_cast<typename S::Class*>(self)->*Method)(call, each...);
      },
      arguments);
  if (!result.ok()) return Fail(result.failure(), kRaw);
  if constexpr (kRaw) return {.value = result.value().value};
  if (!Outs<Return>::Store(call.memory(), outs, result.value())) return refuse(Errno::kFault);
  return {};
}

template <typename Args>
constexpr int FillTypes(std::array<char, kParamsMax>& types) {
  int at = 0;
  const auto append = [&](std::string_view more) {
    for (char type : more) types[static_cast<size_t>(at++)] = type;
  };
  [&]<typename... A>(std::tuple<A...>*) {
    (append(Lower<A>::kTypes), ...);
  }(static_cast<Args*>(nullptr));
  return at;
}

template <auto Method>
consteval HostFunction Row(std::string_view name, const char* const* names, Traits traits) {
  using S = Signature<decltype(Method)>;
  static_assert(S::kParamCount <= kParamsMax);
  HostFunction row{.name = name,
                   .param_count = static_cast<int>(S::kParamCount),
                   .has_result = !std::is_same_v<typename S::Return, Never>,
                   .traits = traits,
                   .call = &Invoke<Method>};
  auto at = static_cast<size_t>(FillTypes<typename S::Args>(row.types));
  while (at < S::kParamCount) row.types[at++] = 'i';
  for (size_t i = 0; i < S::kParamCount; ++i) row.params[i] = names[i];
  return row;
}

}  // namespace table_internal

// One row. A wrong number of parameter names does not compile.
template <auto Method, size_t N>
consteval HostFunction Host(std::string_view name, const char* const (&names)[N],
                            Traits traits = {}) {
  static_assert(N == table_internal::Signature<decltype(Method)>::kParamCount,
                "parameter names must match the lowered wasm signature");
  return table_internal::Row<Method>(name, names, traits);
}

// As above, for a function without parameters.
template <auto Method>
consteval HostFunction Host(std::string_view name, Traits traits = {}) {
  static_assert(table_internal::Signature<decltype(Method)>::kParamCount == 0,
                "parameter names must match the lowered wasm signature");
  return table_internal::Row<Method>(name, nullptr, traits);
}

}  // namespace penstock::wasi
