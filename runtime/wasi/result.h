#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "runtime/wasi/errno.h"
#include "runtime/wasi/trap.h"

namespace penstock::wasi {

// The value of a function that only succeeds or fails.
struct Unit {};

// What is not a value: an errno for the guest, or a trap that ends it. Never both.
class [[nodiscard]] Failure {
 public:
  Failure(Errno code) : code_(code) { PENSTOCK_CHECK(code != Errno::kSuccess); }
  Failure(Trap trap) : trap_(std::make_unique<Trap>(std::move(trap))) {}

  bool is_trap() const { return trap_ != nullptr; }
  // Precondition: !is_trap().
  Errno code() const { return code_; }
  // Precondition: is_trap().
  Trap& trap() { return *trap_; }

 private:
  Errno code_ = Errno::kSuccess;
  std::unique_ptr<Trap> trap_;
};

// What a host function answers. Implicit from its three cases, so that methods can just return
// them.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Failure failure) : failure_(std::move(failure)) {}
  Result(Errno code) : failure_(Failure(code)) {}
  Result(Trap trap) : failure_(Failure(std::move(trap))) {}

  bool ok() const { return value_.has_value(); }
  // True for this errno and nothing else.
  bool is(Errno code) const { return failure_ && !failure_->is_trap() && failure_->code() == code; }
  const T& value() const& { return *value_; }
  T&& value() && { return *std::move(value_); }
  Failure& failure() { return *failure_; }

 private:
  std::optional<T> value_;
  std::optional<Failure> failure_;
};

}  // namespace penstock::wasi

#define WASI_CONCAT_INNER(a, b) a##b
#define WASI_CONCAT(a, b) WASI_CONCAT_INNER(a, b)

// WASI_ASSIGN_OR_RETURN(auto x, Make()): declares or assigns the value of a Result, or returns its
// failure. A statement of its own, so that no half-built aggregate is left behind.
#define WASI_ASSIGN_OR_RETURN(declaration, expression) \
  WASI_ASSIGN_OR_RETURN_INNER(WASI_CONCAT(wasi_result_, __LINE__), declaration, expression)
#define WASI_ASSIGN_OR_RETURN_INNER(result, declaration, expression) \
  auto result = (expression);                                        \
  if (!result.ok()) return std::move(result.failure());              \
  declaration = std::move(result).value()

// Returns from the enclosing function with the failure of `expression`, if it has one.
#define WASI_RETURN_IF_FAILED(expression)                     \
  do {                                                        \
    if (auto wasi_result = (expression); !wasi_result.ok()) { \
      return std::move(wasi_result.failure());                \
    }                                                         \
  } while (false)
