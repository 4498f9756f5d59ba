// Sleeps in a poll that leaves the control pipe out, and so never hears of the end.
#include <unistd.h>
#include <watm.h>

int32_t watm_start_v1(void) {
  for (;;) sleep(3600);
}
