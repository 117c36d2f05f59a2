/*
 * seed: random numbers that can be had again. A test prints its seed, and takes
 * another from the environment: SEED=4711 build/unit/test_resp
 */
#ifndef SEED_H
#define SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static uint64_t seed_state;

/* At the start of each test that draws, so that it can be repeated alone. */
static inline void
seed_begin(void)
{
	const char *text = getenv("SEED");
	uint64_t seed;

	seed = text != NULL ? strtoull(text, NULL, 10)
			    : (uint64_t)time(NULL) * 1000 + (uint64_t)getpid();
	printf("SEED=%llu\n", (unsigned long long)seed);
	/* xorshift stays at zero for ever. */
	seed_state = seed * 2 + 1;
}

static inline uint64_t
seed_next(void)
{
	seed_state ^= seed_state >> 12;
	seed_state ^= seed_state << 25;
	seed_state ^= seed_state >> 27;
	return seed_state * UINT64_C(2685821657736338717);
}

/* 0 to n - 1. */
static inline size_t
seed_below(size_t n)
{
	return (size_t)((seed_next() >> 16) % n);
}

#endif
