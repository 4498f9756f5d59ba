// Never returns from watm_init_v1(), and never calls the host.
#include <watm.h>

static volatile uint32_t turns;

int32_t watm_init_v1(void) {
  for (;;) ++turns;
}
