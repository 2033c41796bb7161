/* SPDX-License-Identifier: Apache-2.0 */
/* The same plugin twice, built with VERSION and SUMMARY of its own each time. */
#include "minimal.h"
