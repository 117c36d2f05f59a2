/*
 * cluster_slot: see cluster_slot.h. The rules are those of the cluster specification:
 * https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
#include "cluster_slot.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "xalloc.h"

/* Each slot is that of a whole number below this. */
#define NUMBERS_MAX 109758

/* CRC16/XMODEM: polynomial 0x1021, from 0, four bits at a time. */
static unsigned
crc16(const char *text, size_t len)
{
	static const uint16_t table[16] = {
		0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
		0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
	};
	unsigned crc = 0;

	for (size_t i = 0; i < len; i++) {
		unsigned byte = (unsigned char)text[i];

		crc = (crc << 4 & 0xffff) ^ table[crc >> 12 ^ byte >> 4];
		crc = (crc << 4 & 0xffff) ^ table[crc >> 12 ^ (byte & 15)];
	}
	return crc;
}

unsigned
cluster_slot(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len), *close;

	if (open != NULL) {
		open++;
		close = memchr(open, '}', len - (size_t)(open - key));
		/* {} is no tag, and then no other one is looked for. */
		if (close != NULL && close > open)
			return crc16(open, (size_t)(close - open)) % CLUSTER_SLOTS;
	}
	return crc16(key, len) % CLUSTER_SLOTS;
}

int *
cluster_slot_numbers(const size_t owner[static CLUSTER_SLOTS], size_t count)
{
	int *numbers = xcalloc(count, sizeof(numbers[0]));
	size_t missing = 0;

	memset(numbers, -1, count * sizeof(numbers[0]));
	for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++) {
		if (owner[slot] < count && numbers[owner[slot]] < 0) {
			numbers[owner[slot]] = NUMBERS_MAX;
			missing++;
		}
	}
	for (int n = 0; missing > 0 && n < NUMBERS_MAX; n++) {
		char text[16];
		int len = snprintf(text, sizeof(text), "%d", n);
		size_t who = owner[cluster_slot(text, (size_t)len)];

		if (who < count && numbers[who] == NUMBERS_MAX) {
			numbers[who] = n;
			missing--;
		}
	}
	return numbers;
}
