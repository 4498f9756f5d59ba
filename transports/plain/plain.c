// plain: passes bytes on as they are, in every role. The smallest transport, and the yardstick for
// what a module costs.
#include "transports/common/roles.h"

const struct codec transport_codec = {.encode = NULL, .decode = NULL};
