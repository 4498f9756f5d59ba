#include "tests/bench/load/report.h"

#include <chrono>

#include "fmt/format.h"

namespace penstock::bench {
namespace {

std::string Quoted(std::string_view text) {
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') json += '\\';
    json += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return json + '"';
}

double Microseconds(std::chrono::nanoseconds duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

}  // namespace

void Report::Set(std::string_view key, double value) { SetRaw(key, fmt::format("{:.6g}", value)); }
void Report::Set(std::string_view key, uint64_t value) { SetRaw(key, fmt::format("{}", value)); }
void Report::Set(std::string_view key, std::string_view value) { SetRaw(key, Quoted(value)); }

void Report::SetOutcome(const Failures& failures, uint64_t unit_count) {
  Set("failures", failures.count());
  Set("first_failure", std::string_view(failures.first()));
  Set("units", unit_count);
}

void Report::SetLatency(const Histogram& histogram) {
  Set("samples", histogram.count());
  Set("p50_us", Microseconds(histogram.Quantile(0.5)));
  Set("p99_us", Microseconds(histogram.Quantile(0.99)));
  Set("p999_us", Microseconds(histogram.Quantile(0.999)));
}

void Report::SetRaw(std::string_view key, std::string_view json) {
  if (!members_.empty()) members_ += ", ";
  members_ += fmt::format("{}: {}", Quoted(key), json);
}

}  // namespace penstock::bench
