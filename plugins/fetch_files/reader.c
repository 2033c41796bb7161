/* SPDX-License-Identifier: Apache-2.0 */
/* Reads a file, decompressing gzip and zstd. */
#include "reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/plugin.h>
#include <zlib.h>
#include <zstd.h>

#define IN_BYTES ((size_t)64 << 10)
#define RATIO_FROM ((uint64_t)4 << 20)
#define POLL_MS 100

#define PLAIN 0
#define GZIP 1
#define ZSTD 2

struct fetch_reader {
  int fd, codec, sniffed, waits, eof;
  int open_frame; /* inside a member or frame: the end of the file would cut it off */
  size_t step;
  int64_t max_ratio;
  unsigned char *in;
  size_t in_at, in_len;
  uint64_t in_total, out_total; /* compressed files */
  z_stream z;
  ZSTD_DStream *zs;
  const char *why;
  int32_t code;
};

fetch_reader *fetch_reader_new(int fd, int64_t max_ratio, size_t step) {
  struct stat st;
  fetch_reader *r = calloc(1, sizeof *r);
  if (!r) {
    close(fd);
    return NULL;
  }
  r->fd = fd;
  r->max_ratio = max_ratio;
  r->step = step;
  r->waits = fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
  return r;
}

void fetch_reader_free(fetch_reader *r) {
  if (!r) return;
  if (r->codec == GZIP) inflateEnd(&r->z);
  ZSTD_freeDStream(r->zs);
  close(r->fd);
  free(r->in);
  free(r);
}

const char *fetch_reader_encoding(const fetch_reader *r) {
  return r->codec == GZIP ? "gzip" : r->codec == ZSTD ? "zstd" : NULL;
}

const char *fetch_reader_why(const fetch_reader *r, int32_t *ret_code) {
  *ret_code = r->code;
  return r->why ? r->why : "unknown";
}

static int64_t fail(fetch_reader *r, int32_t code, const char *why) {
  r->code = code;
  r->why = why;
  return FETCH_READ_ERROR;
}

static int64_t raw_read(fetch_reader *r, void *buf, size_t cap) {
  if (r->step && cap > r->step) cap = r->step;
  if (r->waits) {
    struct pollfd p = {.fd = r->fd, .events = POLLIN};
    if (poll(&p, 1, POLL_MS) == 0) return FETCH_READ_AGAIN;
  }
  for (;;) {
    ssize_t n = read(r->fd, buf, cap);
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return FETCH_READ_AGAIN;
    return fail(r, errno == ENOMEM ? SL_ENOMEM : SL_EIO, strerror(errno));
  }
}

static int magic(const unsigned char *p, size_t n) {
  if (n >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8) return GZIP;
  if (n >= 4 && p[0] == 0x28 && p[1] == 0xb5 && p[2] == 0x2f && p[3] == 0xfd) return ZSTD;
  if (n >= 4 && (p[0] & 0xF0) == 0x50 && p[1] == 0x2a && p[2] == 0x4d && p[3] == 0x18) return ZSTD;
  return PLAIN;
}

/* Reads the first bytes into r->in and decides what the file is. 0, or FETCH_READ_…. */
static int64_t sniff(fetch_reader *r) {
  if (!r->in) r->in = calloc(1, IN_BYTES);
  if (!r->in) return fail(r, SL_ENOMEM, "memory is out");
  while (r->in_len < 4 && !r->eof) {
    int64_t n = raw_read(r, r->in + r->in_len, IN_BYTES - r->in_len);
    if (n < 0) return n;
    r->eof = n == 0;
    r->in_len += (size_t)n;
  }
  r->sniffed = 1;
  r->codec = magic(r->in, r->in_len);
  r->open_frame = r->codec != PLAIN;
  r->in_total = r->in_len;
  if (r->codec == GZIP && inflateInit2(&r->z, 15 + 16) != Z_OK) {
    r->codec = PLAIN;
    return fail(r, SL_ENOMEM, "memory is out");
  }
  if (r->codec == ZSTD) {
    r->zs = ZSTD_createDStream();
    if (!r->zs) return fail(r, SL_ENOMEM, "memory is out");
    ZSTD_initDStream(r->zs);
  }
  return 0;
}

/* Returns bytes made, or an error. */
static int64_t inflate_some(fetch_reader *r, void *buf, size_t cap) {
  if (!r->open_frame) {
    if (r->in[r->in_at] == 0) { /* padding of a tape or block device */
      r->in_at++;
      return 0;
    }
    if (r->in[r->in_at] != 0x1f) return fail(r, SL_EPARSE, "there are bytes after the end of the gzip data");
    inflateReset(&r->z);
    r->open_frame = 1;
  }
  r->z.next_in = r->in + r->in_at;
  r->z.avail_in = (uInt)(r->in_len - r->in_at);
  r->z.next_out = buf;
  r->z.avail_out = (uInt)(cap > (1u << 30) ? 1u << 30 : cap);
  uInt room = r->z.avail_out;
  int rc = inflate(&r->z, Z_NO_FLUSH);
  r->in_at = r->in_len - r->z.avail_in;
  if (rc == Z_STREAM_END)
    r->open_frame = 0;
  else if (rc == Z_MEM_ERROR)
    return fail(r, SL_ENOMEM, "memory is out");
  else if (rc != Z_OK && rc != Z_BUF_ERROR)
    return fail(r, SL_EPARSE, "the gzip data is damaged");
  return (int64_t)(room - r->z.avail_out);
}

static int64_t zstd_some(fetch_reader *r, void *buf, size_t cap) {
  ZSTD_inBuffer in = {r->in, r->in_len, r->in_at};
  ZSTD_outBuffer out = {buf, cap, 0};
  size_t rc = ZSTD_decompressStream(r->zs, &out, &in);
  r->in_at = in.pos;
  if (ZSTD_isError(rc)) return fail(r, SL_EPARSE, ZSTD_getErrorName(rc));
  r->open_frame = rc != 0;
  return (int64_t)out.pos;
}

static int64_t decompress(fetch_reader *r, void *buf, size_t cap) {
  for (;;) {
    if (r->in_at == r->in_len && !r->eof) {
      int64_t n = raw_read(r, r->in, IN_BYTES);
      if (n < 0) return n;
      r->eof = n == 0;
      r->in_at = 0;
      r->in_len = (size_t)n;
      r->in_total += (uint64_t)n;
    }
    int dry = r->in_at == r->in_len;
    if (dry && !r->open_frame) return FETCH_READ_END;
    int64_t n = r->codec == GZIP ? inflate_some(r, buf, cap) : zstd_some(r, buf, cap);
    if (n == 0 && dry && r->eof) return fail(r, SL_EPARSE, "the compressed data is cut off");
    if (n == 0) continue;
    if (n > 0) r->out_total += (uint64_t)n;
    if (r->max_ratio > 0 && r->out_total > RATIO_FROM && r->out_total / (uint64_t)r->max_ratio > r->in_total)
      return fail(r, SL_ELIMIT, "the data expands beyond max_ratio: it may be a decompression bomb");
    return n;
  }
}

/* The bytes of a plain file that were read to see what it is are not needed. */
static int64_t seek(fetch_reader *r, uint64_t n) {
  if (lseek(r->fd, (off_t)n, SEEK_SET) < 0) return fail(r, SL_EIO, strerror(errno));
  r->eof = 0;
  r->in_at = r->in_len;
  free(r->in);
  r->in = NULL;
  return 0;
}

int64_t fetch_reader_skip(fetch_reader *r, uint64_t n) {
  char scrap[16384];
  if (n == 0) return 0;
  int64_t rc = r->sniffed ? 0 : sniff(r);
  if (rc < 0) return rc;
  if (r->codec == PLAIN && !r->waits) return seek(r, n);
  while (n > 0) {
    rc = fetch_reader_read(r, scrap, n < sizeof scrap ? (size_t)n : sizeof scrap);
    if (rc == FETCH_READ_AGAIN) continue;
    if (rc < 0) return rc;
    if (rc == 0) return FETCH_READ_END;
    n -= (uint64_t)rc;
  }
  return 0;
}

uint64_t fetch_reader_taken(const fetch_reader *r) { return r->in_total; }
int fetch_reader_fd(const fetch_reader *r) { return r->fd; }

int64_t fetch_reader_read(fetch_reader *r, void *buf, size_t cap) {
  if (!r->sniffed) {
    int64_t rc = sniff(r);
    if (rc < 0) return rc;
  }
  if (r->codec != PLAIN) return decompress(r, buf, cap);
  if (r->in_at < r->in_len) {
    size_t n = r->in_len - r->in_at < cap ? r->in_len - r->in_at : cap;
    memcpy(buf, r->in + r->in_at, n);
    r->in_at += n;
    if (r->in_at == r->in_len) {
      free(r->in);
      r->in = NULL;
    }
    return (int64_t)n;
  }
  return r->eof ? FETCH_READ_END : raw_read(r, buf, cap);
}
