/* SPDX-License-Identifier: Apache-2.0 */
/* What a request says: where it goes, who sends it, and which documents its body holds. No sockets, no host. */
#ifndef SLUICE_LISTEN_INTAKE_H
#define SLUICE_LISTEN_INTAKE_H

#include <stdint.h>

#include "base/http_parse.h"
#include "json_check.h"

#define LISTEN_ID_MAX 512
#define LISTEN_URI_MAX 4096
#define LISTEN_TYPE_MAX 200

#define LISTEN_JSON 1
#define LISTEN_LINES 2
#define LISTEN_PAGE 3

#define LISTEN_ACCEPT_ANY 0
#define LISTEN_ACCEPT_JSON 1
#define LISTEN_ACCEPT_PAGES 2

typedef struct listen_rules {
  const char *path, *token; /* token NULL: none */
  int32_t accept;           /* LISTEN_ACCEPT_… */
  int64_t max_bytes;
  char too_large[64], too_many[64]; /* what is said to who sends more than max_bytes, max_documents */
} listen_rules;

typedef struct listen_request {
  int status;          /* 0: the body is wanted; else the answer */
  const char *why;     /* for status 4xx and 5xx */
  const char *headers; /* more lines of the answer, or NULL */
  int healthz;
  int without_body; /* HEAD: the answer has none */
  int kind;         /* LISTEN_JSON, … */
  char id[LISTEN_ID_MAX + 1], uri[LISTEN_URI_MAX + 1], type[LISTEN_TYPE_MAX + 1];
} listen_request;

/* Judges the head of a request, before its body comes. */
void listen_judge(const sl_http_head *head, const listen_rules *rules, listen_request *ret);

/* One document of a body. */
typedef struct listen_record {
  size_t start, len;
  uint64_t number; /* of the element from 0, of the line from 1 */
} listen_record;

typedef struct listen_records {
  listen_record *items; /* [own: free] */
  size_t n, cap;
  int batch;     /* an array or lines */
  uint64_t line; /* of the error, from 1; 0: it has none */
} listen_records;

/* Finds the documents of a JSON body (text[len] is 0). 0; -400 and *error; -413 if there are more than max; -500 if
 * memory is out. */
int listen_find_records(int kind, const char *text, size_t len, size_t max, listen_records *ret, listen_error *error);

/* 1 if only this machine can reach the address; 0 if others can; -1 if it is no address. */
int listen_is_local(const char *address);

#endif
