/* SPDX-License-Identifier: Apache-2.0 */
/* What can be proved about two conditions, as JSON, without a document. [any] */
#ifndef SLUICE_CONF_EXCLUDE_H
#define SLUICE_CONF_EXCLUDE_H

struct cJSON;

/* 1 if no body can match both; 0 if that cannot be proved. A NULL condition always matches. */
int sl_exclude(const struct cJSON *a, const struct cJSON *b);
/* Calls cb with each path that is there for certain in a body that matches. */
void sl_exclude_present(const struct cJSON *cond, void (*cb)(void *user, const char *pointer), void *user);

#endif
