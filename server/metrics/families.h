#pragma once

#include "server/metrics/family.h"
#include "server/metrics/sources.h"

// Each appends the families of one part of the server, every series of them, also at zero.
namespace penstock::metrics {

void AppendSessionFamilies(const Sources& sources, Families& to);
void AppendConnectionFamilies(const Sources& sources, Families& to);
void AppendWorkerFamilies(const Sources& sources, Families& to);
void AppendGuestFamilies(const Sources& sources, Families& to);
void AppendControlFamilies(const Sources& sources, Families& to);
void AppendProcessFamilies(const Sources& sources, Families& to);

}  // namespace penstock::metrics
