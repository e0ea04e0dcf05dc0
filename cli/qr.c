/* SPDX-License-Identifier: Apache-2.0 */
#include "qr.h"

#include <errno.h>
#include <qrencode.h>

static bool is_light(const QRcode *code, int row, int column)
{
    int y = row - QR_QUIET_MODULES;
    int x = column - QR_QUIET_MODULES;

    if (x < 0 || y < 0 || x >= code->width || y >= code->width) {
        return true;
    }
    return (code->data[y * code->width + x] & 1) == 0;
}

enum error qr_draw(const char *text, struct buffer *to)
{
    static const char *const blocks[] = {" ", "▄", "▀", "█"}; /* lower, upper, both */
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    int size = 0;

    if (code == NULL) {
        return errno == ERANGE ? ERR_TOO_LARGE : ERR_NO_MEMORY;
    }
    size = code->width + 2 * QR_QUIET_MODULES;
    for (int row = 0; row < size; row += 2) {
        for (int column = 0; column < size; column++) {
            unsigned upper = is_light(code, row, column) ? 2 : 0;
            unsigned lower = row + 1 == size || is_light(code, row + 1, column) ? 1 : 0;
            buffer_append_text(to, blocks[upper | lower]);
        }
        buffer_append_byte(to, '\n');
    }
    QRcode_free(code);
    return to->error;
}
