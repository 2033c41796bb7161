/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What names of class and id say about an element, in the words of many sites and languages.
 */
#ifndef CLEAN_VOCABULARY_H
#define CLEAN_VOCABULARY_H

#include "weigh.h"

/* Bits of clean_weight.marks, from CLEAN_W_FREE on. */
enum {
  CLEAN_V_TEXT, /* body of an article, content */
  CLEAN_V_ARTICLE,
  CLEAN_V_LEAD,
  CLEAN_V_TITLE,
  CLEAN_V_CAPTION,
  CLEAN_V_MEDIA,
  CLEAN_V_AUTHOR,
  CLEAN_V_DATE,
  CLEAN_V_SHARE,
  CLEAN_V_COMMENT,
  CLEAN_V_RELATED,
  CLEAN_V_ADVERT,
  CLEAN_V_SUBSCRIBE,
  CLEAN_V_NAVIGATION,
  CLEAN_V_FOOTER,
  CLEAN_V_HEADER,
  CLEAN_V_SIDE,
  CLEAN_V_TOPIC,
  CLEAN_V_POPUP,
  CLEAN_V_BOX,
  CLEAN_V_HIDDEN,
  CLEAN_V_TEASER,
  CLEAN_V_LIVE,
  CLEAN_V_COUNT
};

/* The bits of one name, case not regarded. */
uint64_t clean_vocabulary(const char *name, size_t n);

#endif
