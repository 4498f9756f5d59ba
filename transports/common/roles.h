// The exports of a transport that has no handshake and changes bytes in place: every role, made
// from two functions. Such a module defines `transport_codec` and links roles.c and pump.c.
#pragma once

#include "transports/common/pump.h"

struct codec {
  pump_transform encode;  // plain to network; NULL leaves bytes as they are
  pump_transform decode;  // network to plain; likewise
};

// Supplied by the module. A relay encodes what came in and decodes what comes back.
extern const struct codec transport_codec;
