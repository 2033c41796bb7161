/* SPDX-License-Identifier: Apache-2.0 */
/* The measure of quality, for the command `bench`. */
#ifndef SLUICE_CLI_QUALITY_H
#define SLUICE_CLI_QUALITY_H

#include "cli/cli.h"

/* Runs the programs that measure quality, over what ships and over the folder given as an argument. Prints their
 * figures; returns an exit code. */
int sl_cli_quality(const sl_cli *cli);

#endif
