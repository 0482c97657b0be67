/* ffn_like.c - names compared: in their natural order, and by what they have in common.
 * SPDX-License-Identifier: MIT */

#include "ffn.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

enum { NEAREST = 3 };

int ffn_natural(const char *p, const char *q)
{
    while (*p && *q) {
        size_t n = strspn(p, "0123456789"), m = strspn(q, "0123456789");
        if (n && m) {
            size_t zp = strspn(p, "0"), zq = strspn(q, "0");
            zp = zp < n ? zp : n - 1;
            zq = zq < m ? zq : m - 1;
            if (n - zp != m - zq) return n - zp < m - zq ? -1 : 1;
            int order = strncmp(p + zp, q + zq, n - zp);
            if (order) return order;
            p += n;
            q += m;
        } else {
            if (*p != *q) return (unsigned char)*p < (unsigned char)*q ? -1 : 1;
            p++;
            q++;
        }
    }
    return *p ? 1 : *q ? -1 : 0;
}

/* How much two names have in common: equal characters at the beginning and at the end. */
static size_t likeness(const char *p, const char *q)
{
    size_t n = strlen(p), m = strlen(q), least = n < m ? n : m, front = 0, back = 0;
    while (front < least && p[front] == q[front]) front++;
    while (front + back < least && p[n - 1 - back] == q[m - 1 - back]) back++;
    return front + back;
}

void ffn_list_name(char *list, size_t size, const char *name)
{
    char clean[128];
    size_t n = strlen(list);
    if (n + 1 < size)
        snprintf(list + n, size - n, "%s%s", n ? ", " : "", text_clean(clean, sizeof clean, name, 0));
}

void ffn_nearest(const struct safetensors *file, const char *wanted, char *list, size_t size)
{
    const char *best[NEAREST] = {NULL};
    size_t score[NEAREST] = {0};
    *list = 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        size_t like = likeness(name, wanted);
        for (int k = 0; k < NEAREST; k++) {
            if (best[k] && like <= score[k]) continue;
            memmove(best + k + 1, best + k, (size_t)(NEAREST - 1 - k) * sizeof *best);
            memmove(score + k + 1, score + k, (size_t)(NEAREST - 1 - k) * sizeof *score);
            best[k] = name;
            score[k] = like;
            break;
        }
    }
    for (int k = 0; k < NEAREST && best[k]; k++) ffn_list_name(list, size, best[k]);
}
