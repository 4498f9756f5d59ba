// Writes to its log without end: control characters, made-up fields, lines that hardly end.
#include <unistd.h>
#include <watm.h>

int32_t watm_start_v1(void) {
  static const char kText[] = "flood \x1b[31m\r\a{\"level\": \"fake\"}\n";
  for (;;) {
    if (write(STDERR_FILENO, kText, sizeof kText - 1) < 0) return 0;
    if (write(STDOUT_FILENO, kText, 5) < 0) return 0;
  }
}
