/*
 * cluster_slot: keys and their slots, and numbers for slots.
 */
#include "cluster_slot.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Those of CLUSTER KEYSLOT, and of the specification. */
static void
test_slots(void **state)
{
	static const struct {
		const char *key;
		unsigned slot;
	} rows[] = {
		{ "", 0 },
		{ "123456789", 0x31c3 },
		{ "foo", 12182 },
		{ "{foo}", 12182 },
		{ "x{foo}y", 12182 },
		{ "x{foo}{bar}", 12182 },
		{ "x{foo}}", 12182 },
		{ "{user1000}.following", 3443 },
		{ "{user1000}.followers", 3443 },
		{ "user1000", 3443 },
		{ "\xff\x80", 4727 },
		/* Nothing between, and then nothing else counts. */
		{ "foo{}{bar}", 8363 },
		/* The first } behind the first {. */
		{ "foo{{bar}}zap", 4015 },
		{ "{bar", 4015 },
		{ "foo}", 15679 },
		{ "}foo{", 8453 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned slot = cluster_slot(rows[i].key, strlen(rows[i].key));

		if (slot != rows[i].slot)
			fail_msg("'%s': %u", rows[i].key, slot);
	}
}

/* Each slot has a number, which is in it; and there is no smaller one. */
static void
test_numbers(void **state)
{
	size_t owner[CLUSTER_SLOTS];
	int *numbers, *seen;
	char text[16];

	(void)state;
	for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++)
		owner[slot] = slot;
	numbers = cluster_slot_numbers(owner, CLUSTER_SLOTS);
	seen = calloc(CLUSTER_SLOTS, sizeof(seen[0]));
	for (int n = 0; n < 110000; n++) {
		unsigned slot;

		snprintf(text, sizeof(text), "%d", n);
		slot = cluster_slot(text, strlen(text));
		assert_in_range(slot, 0, CLUSTER_SLOTS - 1);
		if (!seen[slot]++ && numbers[slot] != n)
			fail_msg("slot %u: %d, and not %d", slot, numbers[slot], n);
	}
	for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++)
		assert_true(seen[slot] > 0);
	free(seen);
	free(numbers);
}

/* Whoever has none has no number, and keeps nobody from theirs. */
static void
test_few(void **state)
{
	size_t owner[CLUSTER_SLOTS];
	int *numbers;

	(void)state;
	for (size_t slot = 0; slot < CLUSTER_SLOTS; slot++)
		owner[slot] = 3;
	numbers = cluster_slot_numbers(owner, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(numbers[i], -1);
	free(numbers);
	owner[13907] = 2; /* that of 0 */
	owner[9842] = 0;  /* that of 1 */
	owner[5649] = 2;  /* that of 2 */
	numbers = cluster_slot_numbers(owner, 3);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[1], -1);
	assert_int_equal(numbers[2], 0);
	free(numbers);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
