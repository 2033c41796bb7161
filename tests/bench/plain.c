/* SPDX-License-Identifier: Apache-2.0 */
/* The yardstick: a plain single-threaded loop over NDJSON with cJSON. plain IN OUT K adds K fields to each document. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int convert(const char *line, size_t len, int fields, FILE *out) {
  char name[16];
  cJSON *doc = cJSON_ParseWithLength(line, len);
  if (!doc) return -1;
  for (int i = 0; i < fields; i++) {
    snprintf(name, sizeof name, "f%d", i + 1);
    cJSON_AddStringToObject(doc, name, "value");
  }
  char *text = cJSON_PrintUnformatted(doc);
  cJSON_Delete(doc);
  if (!text) return -1;
  fwrite(text, 1, strlen(text), out);
  fputc('\n', out);
  cJSON_free(text);
  return 0;
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: plain IN OUT FIELDS\n");
    return 2;
  }
  FILE *in = fopen(argv[1], "rb"), *out = fopen(argv[2], "wb");
  if (!in || !out) {
    perror(in ? argv[2] : argv[1]);
    return 1;
  }
  setvbuf(in, NULL, _IOFBF, 1 << 20);
  setvbuf(out, NULL, _IOFBF, 1 << 20);
  char *line = NULL;
  size_t cap = 0;
  long bad = 0;
  int fields = atoi(argv[3]);
  for (ssize_t len; (len = getline(&line, &cap, in)) > 0;)
    if (convert(line, (size_t)len, fields, out) != 0) bad++;
  free(line);
  fclose(in);
  if (fclose(out) != 0 || bad) {
    fprintf(stderr, "%ld bad lines, or the output could not be written\n", bad);
    return 1;
  }
  return 0;
}
