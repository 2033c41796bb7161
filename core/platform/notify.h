/* SPDX-License-Identifier: Apache-2.0 */
/* Telling the service manager how we are: the protocol of sd_notify(3), a datagram to $NOTIFY_SOCKET. [any] */
#ifndef SLUICE_PLATFORM_NOTIFY_H
#define SLUICE_PLATFORM_NOTIFY_H

#include <stdint.h>

#include <sluice/plugin.h>

/* 1 if somebody listens. */
int sl_notify_wanted(void);
/* Sends lines such as "READY=1\nSTATUS=…" (printf form). 1 sent, 0 nobody listens, -1 it failed. */
int sl_notify(const char *fmt, ...) SL_PRINTF(1, 2);
/* "RELOADING=1" with the time that systemd asks for. */
int sl_notify_reloading(void);
/* Nanoseconds within which WATCHDOG=1 must come from this process; 0: it need not. */
int64_t sl_notify_watchdog(void);

#endif
