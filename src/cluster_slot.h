/*
 * cluster_slot: which of a cluster's slots a key or channel is in, and which numbers
 * are in given ones. Pure.
 */
#ifndef CLUSTER_SLOT_H
#define CLUSTER_SLOT_H

#include <stddef.h>

#define CLUSTER_SLOTS 16384

/* The slot of a key or channel: CRC16 of it, or of its hash tag, modulo 16384. */
unsigned cluster_slot(const char *key, size_t len);

/*
 * For each of `count` (at least one), the smallest whole number that is, as text, in a
 * slot of his; -1: he has none. owner: whose each slot is; `count`: nobody's. The
 * caller frees the array. It takes some milliseconds where somebody has few slots.
 */
int *cluster_slot_numbers(const size_t owner[static CLUSTER_SLOTS], size_t count);

#endif
