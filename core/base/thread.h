/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads: names, roles, and assertions on roles that are active under SLUICE_CHECKS.
 *
 * A thread without a role (tests, tools) passes every assertion.
 */
#ifndef SLUICE_BASE_THREAD_H
#define SLUICE_BASE_THREAD_H

#include <stddef.h>
#include <stdint.h>

#define SL_ROLE_NONE 0
#define SL_ROLE_LOOP 1  /* the loop thread */
#define SL_ROLE_LANE 2  /* a lane */
#define SL_ROLE_STAGE 3 /* the thread of a source, sink, SERIAL or BLOCKING stage */

typedef struct sl_thread sl_thread;

/* Starts fn(arg) on a thread with signals blocked. name is cut to 15 bytes. *ret [own: sl_thread_join]. 0 or SL_ENOMEM,
 * SL_EIO. */
int sl_thread_start(const char *name, uint32_t role, void (*fn)(void *arg), void *arg, sl_thread **ret);
/* Waits for the end and frees. NULL is fine. */
void sl_thread_join(sl_thread *thread);

/* Of the calling thread. */
void sl_thread_set_name(const char *name);
void sl_thread_set_role(uint32_t role);
uint32_t sl_thread_role(void);
/* A small number, different for each living thread. */
uint32_t sl_thread_id(void);
/* Processors this process may use, at least 1. */
uint32_t sl_thread_cpus(void);

/* Prints the place and aborts unless the thread has one of the roles (a bit set of 1 << role) or none. */
void sl_thread_assert(uint32_t roles, const char *file, int line, const char *func);

#if defined(SLUICE_CHECKS)
#define SL_ASSERT_ROLES(roles) sl_thread_assert((roles), __FILE__, __LINE__, __func__)
#else
#define SL_ASSERT_ROLES(roles) ((void)0)
#endif
#define SL_ASSERT_LOOP() SL_ASSERT_ROLES(1u << SL_ROLE_LOOP)
#define SL_ASSERT_LANE() SL_ASSERT_ROLES(1u << SL_ROLE_LANE | 1u << SL_ROLE_STAGE)
#define SL_ASSERT_NOT_LOOP() SL_ASSERT_ROLES(1u << SL_ROLE_LANE | 1u << SL_ROLE_STAGE)

#endif
