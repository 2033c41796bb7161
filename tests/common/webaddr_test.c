/* SPDX-License-Identifier: Apache-2.0 */
/* The address guard: every range that is refused, what hides in IPv6, the list of exceptions. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include <sluice/plugin.h>

#include "webaddr.h"

#include "testmem.h"

typedef union address {
  struct sockaddr sa;
  struct sockaddr_in in;
  struct sockaddr_in6 in6;
  struct sockaddr_un un;
} address;

static address address_of(const char *text) {
  address a;
  memset(&a, 0, sizeof a);
  if (inet_pton(AF_INET, text, &a.in.sin_addr) == 1) {
    a.in.sin_family = AF_INET;
  } else {
    a.in6.sin6_family = AF_INET6;
    assert_int_equal(inet_pton(AF_INET6, text, &a.in6.sin6_addr), 1);
  }
  return a;
}

static void expect_refused(const char *text, const char *want) {
  address a = address_of(text);
  const char *why = NULL;
  bool got = webaddr_public(&a.sa, &why);
  if (got || !why || !strstr(why, want))
    fail_msg("%s: got %d (%s), wanted refusal as %s", text, got, why ? why : "-", want);
}

static void expect_public(const char *text) {
  address a = address_of(text);
  const char *why = "unset";
  if (!webaddr_public(&a.sa, &why) || why) fail_msg("%s: refused as %s", text, why ? why : "-");
}

static void ranges(void **state) {
  (void)state;
  static const char *const refused[][2] = {
      {"0.0.0.0", "this network"},
      {"0.255.255.255", "this network"},
      {"10.0.0.0", "private"},
      {"10.255.255.255", "private"},
      {"100.64.0.1", "shared"},
      {"100.127.255.255", "shared"},
      {"127.0.0.1", "loopback"},
      {"127.255.255.255", "loopback"},
      {"169.254.169.254", "link-local"},
      {"172.16.0.1", "private"},
      {"172.31.255.255", "private"},
      {"192.0.0.8", "reserved"},
      {"192.0.2.1", "documentation"},
      {"192.88.99.1", "reserved"},
      {"192.168.1.1", "private"},
      {"198.18.0.1", "benchmark"},
      {"198.19.255.255", "benchmark"},
      {"198.51.100.7", "documentation"},
      {"203.0.113.9", "documentation"},
      {"224.0.0.1", "multicast"},
      {"239.255.255.255", "multicast"},
      {"240.0.0.1", "reserved"},
      {"255.255.255.255", "reserved"},
      {"::", "this network"},
      {"::1", "loopback"},
      {"fc00::1", "private"},
      {"fdff:ffff::1", "private"},
      {"fe80::1", "link-local"},
      {"febf::1", "link-local"},
      {"fec0::1", "private"},
      {"ff02::1", "multicast"},
      {"2001:db8::1", "documentation"},
      {"3fff::1", "documentation"},
      {"100::1", "reserved"},
      {"64:ff9b:1::808:808", "private"},
  };
  static const char *const open[] = {"1.1.1.1",         "9.255.255.255",   "11.0.0.0",    "100.63.255.255",
                                     "100.128.0.0",     "126.255.255.255", "128.0.0.0",   "169.253.0.1",
                                     "172.15.255.255",  "172.32.0.0",      "192.0.1.0",   "192.167.0.1",
                                     "192.169.0.1",     "198.17.255.255",  "198.20.0.0",  "223.255.255.255",
                                     "2606:4700::1111", "2a00:1450::1",    "2400:cb00::1"};
  for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) expect_refused(refused[i][0], refused[i][1]);
  for (size_t i = 0; i < sizeof open / sizeof open[0]; i++) expect_public(open[i]);
}

static void embedded(void **state) {
  (void)state;
  expect_refused("::ffff:127.0.0.1", "loopback");
  expect_refused("::ffff:10.1.2.3", "private");
  expect_public("::ffff:8.8.8.8");
  expect_refused("::127.0.0.1", "loopback");
  expect_refused("::ffff:0:192.168.0.1", "private");
  expect_refused("64:ff9b::a9fe:a9fe", "link-local");
  expect_public("64:ff9b::808:808");
  expect_refused("2002:7f00:1::", "loopback");
  expect_refused("2002:c0a8:101::1", "private");
  expect_public("2002:808:808::1");
  /* Teredo: the server in bytes 4..7, the client turned round in 12..15. */
  expect_refused("2001:0:a00:1::f7f7:f7f7", "private");
  expect_refused("2001:0:808:808::80ff:fffe", "loopback");
  expect_public("2001:0:808:808::f7f7:f7f7");
  expect_refused("2a00:1450::5efe:a00:1", "private");
  expect_refused("2a00:1450::200:5efe:7f00:1", "loopback");
  expect_public("2a00:1450::5efe:808:808");
}

static void families(void **state) {
  (void)state;
  address a;
  const char *why = NULL;
  webaddr_list all = {0};
  memset(&a, 0, sizeof a);
  a.un.sun_family = AF_UNIX;
  assert_int_equal(webaddr_allow(&all, &testmem, "all", NULL), 0);
  assert_false(webaddr_allowed(&all, &a.sa, &why));
  assert_non_null(strstr(why, "neither IPv4 nor IPv6"));
  webaddr_list_free(&all);
}

static bool allowed_by(const char *entry, const char *text) {
  webaddr_list list = {0};
  address a = address_of(text);
  const char *why = NULL;
  int rc = webaddr_allow(&list, &testmem, entry, &why);
  if (rc != 0) fail_msg("%s: %s", entry, why ? why : "?");
  bool got = webaddr_allowed(&list, &a.sa, NULL);
  webaddr_list_free(&list);
  return got;
}

static void exceptions(void **state) {
  (void)state;
  assert_true(allowed_by("10.0.0.0/8", "10.9.8.7"));
  assert_true(allowed_by("10.0.0.0/8", "::ffff:10.9.8.7"));
  assert_true(allowed_by("10.0.0.0/8", "11.0.0.1")); /* public anyway */
  assert_false(allowed_by("10.0.0.0/8", "192.168.0.1"));
  assert_false(allowed_by("10.0.0.0/8", "64:ff9b::a00:1"));
  assert_true(allowed_by("192.168.7.9", "192.168.7.9"));
  assert_false(allowed_by("192.168.7.9", "192.168.7.8"));
  assert_true(allowed_by("192.168.7.8/31", "192.168.7.9"));
  assert_true(allowed_by("[::1]", "::1"));
  assert_true(allowed_by("fd00::/8", "fd12::1"));
  assert_false(allowed_by("fd00::/8", "fc12::1"));
  assert_true(allowed_by("loopback", "127.9.9.9"));
  assert_true(allowed_by("loopback", "::1"));
  assert_false(allowed_by("loopback", "10.0.0.1"));
  assert_true(allowed_by("private", "172.20.0.1"));
  assert_false(allowed_by("private", "127.0.0.1"));
  assert_true(allowed_by("link-local", "fe80::2"));
  assert_true(allowed_by("all", "255.255.255.255"));
  assert_true(allowed_by("all", "fe80::2"));
  assert_true(allowed_by("all", "::1"));
  assert_false(allowed_by("all", "224.0.0.1"));
  assert_false(allowed_by("all", "ff02::1"));
  assert_true(allowed_by("::/0", "fd00::1"));
  assert_false(allowed_by("::/0", "10.0.0.1"));
  assert_true(allowed_by("0.0.0.0/0", "10.0.0.1"));
  assert_false(allowed_by("0.0.0.0/0", "fd00::1"));
}

static void errors(void **state) {
  (void)state;
  static const char *const bad[][2] = {
      {"", "neither an address"},          {"localhost", "neither an address"},   {"10.0.0", "neither an address"},
      {"10.0.0.0/33", "from 0 to 32"},     {"10.0.0.0/", "from 0 to 32"},         {"10.0.0.0/8x", "from 0 to 32"},
      {"fd00::/129", "from 0 to 128"},     {"fd00::/-1", "from 0 to 128"},        {"10.0.0.1/8", "behind its prefix"},
      {"fd00::1/64", "behind its prefix"}, {"fe80::1%eth0", "neither an address"}};
  webaddr_list list = {0};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    const char *why = NULL;
    int rc = webaddr_allow(&list, &testmem, bad[i][0], &why);
    if (rc != SL_EINVAL || !why || !strstr(why, bad[i][1])) fail_msg("%s: %d %s", bad[i][0], rc, why ? why : "-");
  }
  assert_int_equal(list.n, 0);
  testmem_left = 0;
  assert_int_equal(webaddr_allow(&list, &testmem, "loopback", NULL), SL_ENOMEM);
  testmem_left = -1;
  webaddr_list_free(&list);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(ranges), cmocka_unit_test(embedded), cmocka_unit_test(families),
                                     cmocka_unit_test(exceptions), cmocka_unit_test(errors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
