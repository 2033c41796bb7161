/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The address guard: the special-purpose registries of IANA (RFC 6890 and its successors), and what IPv6 hides of IPv4.
 *
 * An IPv4 address is looked at as IPv6 mapped (::ffff:0:0/96), so that one kind of range serves both.
 */
#include "webaddr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <sluice/plugin.h>

typedef struct special {
  const char *base; /* IPv4 or IPv6 */
  unsigned bits;    /* of its own family */
  const char *why;
} special;

static const char private_net[] = "a private address";
static const char loopback[] = "a loopback address";
static const char link_local[] = "a link-local address";
static const char shared[] = "an address of a shared network (100.64.0.0/10)";
static const char documentation[] = "an address for documentation";
static const char benchmark[] = "an address for benchmarks";
static const char multicast[] = "a multicast address";
static const char reserved[] = "a reserved address";
static const char this_host[] = "an address of \"this network\"";

static const special ipv4_special[] = {
    {"0.0.0.0", 8, this_host},          {"10.0.0.0", 8, private_net},     {"100.64.0.0", 10, shared},
    {"127.0.0.0", 8, loopback},         {"169.254.0.0", 16, link_local},  {"172.16.0.0", 12, private_net},
    {"192.0.0.0", 24, reserved},        {"192.0.2.0", 24, documentation}, {"192.88.99.0", 24, reserved},
    {"192.168.0.0", 16, private_net},   {"198.18.0.0", 15, benchmark},    {"198.51.100.0", 24, documentation},
    {"203.0.113.0", 24, documentation}, {"224.0.0.0", 4, multicast},      {"240.0.0.0", 4, reserved},
};

/* Before these the embedded addresses are looked at. */
static const special ipv6_special[] = {
    {"::1", 128, loopback},        {"::", 128, this_host},
    {"fc00::", 7, private_net},    {"fe80::", 10, link_local},
    {"fec0::", 10, private_net},   {"ff00::", 8, multicast},
    {"100::", 64, reserved},       {"2001:db8::", 32, documentation},
    {"3fff::", 20, documentation}, {"2001:2::", 48, benchmark},
    {"2001:10::", 28, reserved},   {"2001:20::", 28, reserved},
    {"5f00::", 16, reserved},      {"64:ff9b:1::", 48, private_net},
};

/* Where an IPv6 address of this range carries an IPv4 address. */
typedef struct carrier {
  const char *base;
  unsigned bits;
  unsigned at;  /* byte */
  bool flipped; /* all bits are turned round */
} carrier;

static const carrier carriers[] = {
    {"::ffff:0:0", 96, 12, false},   /* mapped */
    {"::ffff:0:0:0", 96, 12, false}, /* translated, RFC 2765 */
    {"64:ff9b::", 96, 12, false},    /* NAT64, RFC 6052 */
    {"2002::", 16, 2, false},        /* 6to4, RFC 3056 */
    {"2001::", 32, 4, false},        /* Teredo's server, RFC 4380 */
    {"2001::", 32, 12, true},        /* Teredo's client */
    {"::", 96, 12, false},           /* compatible */
};

static bool in_range(const unsigned char *address, const unsigned char *base, unsigned bits) {
  unsigned bytes = bits / 8, rest = bits % 8;
  if (memcmp(address, base, bytes) != 0) return false;
  return rest == 0 || ((address[bytes] ^ base[bytes]) & (0xFF00u >> rest & 0xFFu)) == 0;
}

/* Reads a text of one of the tables. */
static void read_base(const char *text, unsigned char ret[16]) {
  memset(ret, 0, 16);
  (void)inet_pton(strchr(text, ':') ? AF_INET6 : AF_INET, text, ret);
}

/* Why the four bytes are no public address; NULL if they are one. */
static const char *ipv4_why(const unsigned char *a) {
  unsigned char base[16];
  for (size_t i = 0; i < sizeof ipv4_special / sizeof ipv4_special[0]; i++) {
    read_base(ipv4_special[i].base, base);
    if (in_range(a, base, ipv4_special[i].bits)) return ipv4_special[i].why;
  }
  return NULL;
}

static const char *embedded_why(const unsigned char *a) {
  unsigned char base[16], inner[4];
  for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
    const carrier *c = &carriers[i];
    read_base(c->base, base);
    if (!in_range(a, base, c->bits)) continue;
    for (unsigned k = 0; k < 4; k++) inner[k] = (unsigned char)(a[c->at + k] ^ (c->flipped ? 0xFF : 0));
    const char *why = ipv4_why(inner);
    if (why) return why;
  }
  /* ISATAP, RFC 5214: the interface is 0:5efe or 200:5efe and an IPv4 address. */
  if ((a[8] & 0xFD) == 0 && a[9] == 0 && a[10] == 0x5E && a[11] == 0xFE) return ipv4_why(a + 12);
  return NULL;
}

static const char *ipv6_why(const unsigned char *a) {
  unsigned char base[16];
  for (size_t i = 0; i < sizeof ipv6_special / sizeof ipv6_special[0]; i++) {
    read_base(ipv6_special[i].base, base);
    if (in_range(a, base, ipv6_special[i].bits)) return ipv6_special[i].why;
  }
  return embedded_why(a);
}

/* An IPv6 range that is wider than the mapped addresses says nothing about IPv4. */
static bool listed(const webaddr_list *list, const unsigned char *a) {
  static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};
  unsigned least = memcmp(a, mapped, 12) == 0 ? 96 : 0;
  for (size_t i = 0; list && i < list->n; i++)
    if (list->ranges[i].bits >= least && in_range(a, list->ranges[i].base, list->ranges[i].bits)) return true;
  return false;
}

bool webaddr_allowed(const webaddr_list *list, const struct sockaddr *sa, const char **ret_why) {
  unsigned char a[16] = {[10] = 0xFF, [11] = 0xFF};
  const char *why = "of a family that is neither IPv4 nor IPv6";
  if (sa->sa_family == AF_INET) {
    struct sockaddr_in in;
    memcpy(&in, sa, sizeof in);
    memcpy(a + 12, &in.sin_addr, 4);
    why = ipv4_why(a + 12);
  } else if (sa->sa_family == AF_INET6) {
    struct sockaddr_in6 in6;
    memcpy(&in6, sa, sizeof in6);
    memcpy(a, &in6.sin6_addr, 16);
    why = ipv6_why(a);
  } else {
    list = NULL;
  }
  if (why && listed(list, a)) why = NULL;
  if (ret_why) *ret_why = why;
  return why == NULL;
}

bool webaddr_public(const struct sockaddr *sa, const char **ret_why) { return webaddr_allowed(NULL, sa, ret_why); }

/* ---- the list ---- */

typedef struct word {
  const char *name;
  const char *ranges[7];
} word;

static const word words[] = {
    {"loopback", {"127.0.0.0/8", "::1/128"}},
    {"private", {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}},
    {"link-local", {"169.254.0.0/16", "fe80::/10"}},
    {"all", {"0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/3", "240.0.0.0/4", "::/1", "fc00::/7", "fe00::/8"}},
};

/* "ADDRESS" or "ADDRESS/BITS"; NULL, or why not. */
static const char *read_range(const char *text, webaddr_range *ret) {
  static const char none[] = "is neither an address, nor ADDRESS/BITS, nor one of loopback, private, link-local, all";
  char address[64];
  size_t n = strcspn(text, "/");
  unsigned bits = 128, most = 128;
  const char *from = text;
  if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
    from++;
    n -= 2;
  }
  if (n == 0 || n >= sizeof address) return none;
  memcpy(address, from, n);
  address[n] = '\0';
  memset(ret, 0, sizeof *ret);
  if (inet_pton(AF_INET, address, ret->base + 12) == 1) {
    ret->base[10] = ret->base[11] = 0xFF;
    most = 32;
  } else if (inet_pton(AF_INET6, address, ret->base) != 1) {
    return none;
  }
  const char *slash = strchr(text, '/');
  if (slash) {
    size_t digits = strspn(slash + 1, "0123456789");
    if (digits == 0 || digits > 3 || slash[1 + digits] || sscanf(slash + 1, "%3u", &bits) != 1 || bits > most)
      return most == 32 ? "has a prefix that is no number from 0 to 32"
                        : "has a prefix that is no number from 0 to 128";
    if (most == 32) bits += 96;
  }
  ret->bits = bits;
  for (unsigned i = bits; i < 128; i++)
    if (ret->base[i / 8] & (0x80u >> (i % 8))) return "has bits set behind its prefix";
  return NULL;
}

static int add_range(webaddr_list *list, const lane_mem *mem, const webaddr_range *range) {
  lane_vec v = {list->ranges, list->n, list->cap};
  if (lane_vec_reserve(mem, &v, sizeof *range, v.n + 1) != 0) return SL_ENOMEM;
  list->mem = mem;
  list->ranges = v.items;
  list->cap = v.cap;
  list->ranges[list->n++] = *range;
  return 0;
}

int webaddr_allow(webaddr_list *list, const lane_mem *mem, const char *text, const char **ret_why) {
  webaddr_range range;
  int rc = 0;
  if (ret_why) *ret_why = NULL;
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(words[i].name, text) != 0) continue;
    for (size_t k = 0; k < 7 && words[i].ranges[k] && rc == 0; k++) {
      (void)read_range(words[i].ranges[k], &range);
      rc = add_range(list, mem, &range);
    }
    return rc;
  }
  const char *why = read_range(text, &range);
  if (!why) return add_range(list, mem, &range);
  if (ret_why) *ret_why = why;
  return SL_EINVAL;
}

void webaddr_list_free(webaddr_list *list) {
  if (list->ranges) list->mem->free(list->ranges);
  memset(list, 0, sizeof *list);
}
