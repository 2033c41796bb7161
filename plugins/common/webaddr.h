/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which addresses may be connected to: the guard against requests that are sent into the own network.
 *
 * It judges the address that a connection really uses, after name resolution and for each redirect, so that no name and
 * no rebinding gets around it. Public is what is globally reachable: not "this host", private, shared, loopback,
 * link-local, documentation, benchmarking, multicast, reserved or unique-local (RFC 6890 and its registries). An IPv6
 * address that carries an IPv4 address (mapped, compatible, translated, 6to4, Teredo, NAT64, ISATAP) is public only if
 * that one is.
 */
#ifndef SLUICE_PLUGINS_WEBADDR_H
#define SLUICE_PLUGINS_WEBADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lane_vec.h"

/* One allowed range, as 16 bytes of IPv6 (IPv4 mapped) and a prefix length. */
typedef struct webaddr_range {
  unsigned char base[16];
  unsigned bits; /* 0..128 */
} webaddr_range;

/* The ranges of `allow_private`. Zeroed: empty. */
typedef struct webaddr_list {
  webaddr_range *ranges;
  size_t n, cap;
  const lane_mem *mem;
} webaddr_list;

/* Adds "10.0.0.0/8", "192.0.2.7", "fd00::/8", "[::1]", or a word: "loopback" (127.0.0.0/8, ::1), "private" (10/8,
 * 172.16/12, 192.168/16, fc00::/7), "link-local" (169.254/16, fe80::/10), "all" (everything but multicast). mem [borrow
 * until webaddr_list_free], the same in every call. 0; SL_EINVAL with *ret_why, a constant text that follows "the range
 * …"; or SL_ENOMEM. */
int webaddr_allow(webaddr_list *list, const lane_mem *mem, const char *text, const char **ret_why);
void webaddr_list_free(webaddr_list *list);

/* Whether the address may be connected to: public, or in the list (which may be NULL). *ret_why (may be NULL): when
 * not, why, a constant text that follows "the address is …": "a loopback address". Families other than IPv4 and IPv6
 * are refused. */
bool webaddr_allowed(const webaddr_list *list, const struct sockaddr *sa, const char **ret_why);
/* The same without a list. */
bool webaddr_public(const struct sockaddr *sa, const char **ret_why);

#endif
