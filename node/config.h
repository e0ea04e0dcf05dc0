/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The configuration file: how this machine runs. Who is trusted is not
 * configuration but state, changed by commands. One table (config.c) gives
 * type, limits, default and help of every setting.
 */

#include "bytes.h"
#include "error.h"
#include "ports.h"

#include <stdbool.h>
#include <stdint.h>

enum { CONFIG_TEXT_BYTES = 512, SOCKET_PATH_BYTES = 108 };

struct config {
    char listen[CONFIG_TEXT_BYTES]; /* tcp://ADDRESS:PORT, or empty: only dials */
    char proxy[CONFIG_TEXT_BYTES];  /* SOCKS5, HOST:PORT, or empty */
    char store_path[CONFIG_TEXT_BYTES];
    int64_t store_max_bytes;
    bool store_allow_tmpfs;
    char control_socket[CONFIG_TEXT_BYTES];
    char control_group[CONFIG_TEXT_BYTES]; /* UNIX group that may connect, or empty */
    char node_key[CONFIG_TEXT_BYTES];
    char unlock_key[CONFIG_TEXT_BYTES]; /* key file, or empty: pass phrase */
    int64_t records_per_day;
    int64_t bytes_per_day;
    int64_t stale_after_ms;
    int64_t log_level; /* enum log_level */
};

/**
 * Read a configuration file.
 * @param path     regular file that nobody else may write.
 * @param problems receives every mistake with file, line and mend.
 * @return OK; ERR_CONFIG; ERR_FILE; ERR_FILE_UNSAFE; ERR_NO_MEMORY.
 */
MUST_CHECK enum error config_load(const char *path, struct config *config,
                                  struct problems *problems);

/** Append every setting with its default, unit and help, as configs/valised.conf has it. */
void config_print(struct buffer *to);
