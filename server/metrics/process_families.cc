#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>

#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

double OpenFdCount() {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), &::closedir);
  if (directory == nullptr) return 0;
  double count = -1;  // the directory's own
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] != '.') ++count;
  }
  return count;
}

double FdLimit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : 0;
}

double ResidentByteCount() {
  std::ifstream statm("/proc/self/statm");
  uint64_t total_pages = 0;
  uint64_t resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return static_cast<double>(resident_pages) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) != 0) return 0;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

void AppendProcessFamilies(const Sources& sources, Families& to) {
  const std::chrono::duration<double> start = sources.start_time.time_since_epoch();
  to.push_back(Gauge("process_open_fds", "Descriptors that penstockd has open.", OpenFdCount()));
  to.push_back(Gauge("process_max_fds", "Descriptors that penstockd may open.", FdLimit()));
  to.push_back(
      Gauge("process_resident_memory_bytes", "Resident memory of penstockd.", ResidentByteCount()));
  to.push_back(Counter("process_cpu_seconds_total", "CPU time that penstockd used.", CpuSeconds()));
  to.push_back(Gauge("process_start_time_seconds", "Start of penstockd, since the Unix epoch.",
                     start.count()));
}

}  // namespace penstock::metrics
