/* SPDX-License-Identifier: Apache-2.0 */
/* The lanes' queue. */
#include "flow/workq.h"

#include <pthread.h>

#include "base/mem.h"

struct fifo {
  sl_work *head, *tail;
  uint32_t n;
};

struct sl_workq {
  pthread_mutex_t lock;
  pthread_cond_t more;
  uint32_t depths, total, idle;
  int closed;
  struct fifo fifo[];
};

int sl_workq_new(uint32_t depths, sl_workq **ret, sl_err *err) {
  sl_workq *q = sl_mem_calloc(1, sizeof(*q) + depths * sizeof(struct fifo));
  if (!q) return sl_err_set(err, SL_ENOMEM, "no memory for the lanes' queue");
  pthread_mutex_init(&q->lock, NULL);
  pthread_cond_init(&q->more, NULL);
  q->depths = depths;
  *ret = q;
  return 0;
}

void sl_workq_free(sl_workq *q) {
  if (!q) return;
  pthread_mutex_destroy(&q->lock);
  pthread_cond_destroy(&q->more);
  sl_mem_free(q);
}

void sl_workq_push(sl_workq *q, sl_work *work) {
  work->next = NULL;
  pthread_mutex_lock(&q->lock);
  struct fifo *f = &q->fifo[work->depth];
  if (f->tail)
    f->tail->next = work;
  else
    f->head = work;
  f->tail = work;
  f->n++;
  q->total++;
  int wake = q->idle > 0;
  pthread_mutex_unlock(&q->lock);
  if (wake) pthread_cond_signal(&q->more);
}

sl_work *sl_workq_pop(sl_workq *q) {
  pthread_mutex_lock(&q->lock);
  while (!q->total && !q->closed) {
    q->idle++;
    pthread_cond_wait(&q->more, &q->lock);
    q->idle--;
  }
  sl_work *w = NULL;
  for (uint32_t d = q->depths; q->total && !w && d-- > 0;) {
    struct fifo *f = &q->fifo[d];
    w = f->head;
    if (!w) continue;
    f->head = w->next;
    if (!f->head) f->tail = NULL;
    f->n--;
    q->total--;
  }
  pthread_mutex_unlock(&q->lock);
  return w;
}

uint32_t sl_workq_waiting(sl_workq *q, uint32_t depth) {
  pthread_mutex_lock(&q->lock);
  uint32_t n = q->fifo[depth].n;
  pthread_mutex_unlock(&q->lock);
  return n;
}

void sl_workq_close(sl_workq *q) {
  pthread_mutex_lock(&q->lock);
  q->closed = 1;
  pthread_mutex_unlock(&q->lock);
  pthread_cond_broadcast(&q->more);
}
