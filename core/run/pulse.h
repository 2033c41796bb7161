/* SPDX-License-Identifier: Apache-2.0 */
/* Whether an engine makes progress, for a watchdog. */
#ifndef SLUICE_RUN_PULSE_H
#define SLUICE_RUN_PULSE_H

#include "run/engine.h"

typedef struct sl_pulse {
  uint64_t ticks, work;
} sl_pulse;

/* 1 if since the last look the loop has ticked, and the lanes have done something or have nothing to do. [any] */
int sl_engine_alive(const sl_engine *e, sl_pulse *last);

#endif
