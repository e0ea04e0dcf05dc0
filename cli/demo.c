/* SPDX-License-Identifier: Apache-2.0 */
#include "verbs.h"

enum error verb_demo(struct cli *cli)
{
    return cli_usage(cli, "demo is not there yet");
}
