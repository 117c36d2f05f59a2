/*
 * glob: tables, a translation of Redis' stringmatchlen() to compare with, and
 * hostile patterns.
 */
#include "glob.h"

#include <string.h>
#include <unistd.h>

#include "seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A pattern that takes longer than that takes exponential time. */
#define HOSTILE_LIMIT_S 20

static void
test_table(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool match;
	} rows[] = {
		/* Plain text, and all of it. */
		{ "", "", true },
		{ "", "a", false },
		{ "a", "", false },
		{ "pinfo", "pinfo", true },
		{ "pinfo", "pinf", false },
		{ "pinfo", "pinfos", false },
		{ "pinfo", "Pinfo", false },
		/* Stars. */
		{ "*", "", true },
		{ "*", "pinfo", true },
		{ "***", "", true },
		{ "***", "x", true },
		{ "p*", "pinfo", true },
		{ "p*", "p", true },
		{ "p*", "", false },
		{ "*o", "pinfo", true },
		{ "*o", "pinfoo", true },
		{ "*o", "pinfox", false },
		{ "p*o", "pinfo", true },
		{ "p*o", "po", true },
		{ "p*o", "p", false },
		{ "*n*", "pinfo", true },
		{ "*z*", "pinfo", false },
		{ "a*b*c", "aXbYc", true },
		{ "a*b*c", "abbc", true },
		{ "a*b*c", "acb", false },
		{ "*ab", "aab", true },
		{ "*aab", "aaaab", true },
		{ "*abab", "ababab", true },
		{ "a**b", "ab", true },
		{ "pinfo:*", "pinfo:orders", true },
		{ "pinfo:*", "pinfo", false },
		/* Question marks. */
		{ "?", "a", true },
		{ "?", "", false },
		{ "?", "ab", false },
		{ "p?nfo", "pinfo", true },
		{ "??*", "a", false },
		{ "??*", "ab", true },
		{ "*??", "a", false },
		{ "*??", "abc", true },
		/* Sets. */
		{ "[abc]", "b", true },
		{ "[abc]", "d", false },
		{ "[abc]", "", false },
		{ "[abc]", "ab", false },
		{ "x[abc]y", "xby", true },
		{ "[^abc]", "d", true },
		{ "[^abc]", "a", false },
		{ "[^abc]", "", false },
		{ "[a^]", "^", true },
		{ "[a^]", "b", false },
		{ "[!a]", "!", true },
		{ "[!a]", "b", false },
		{ "[]", "a", false },
		{ "[]a]", "a", false },
		{ "[^]", "a", true },
		{ "[^]", "]", true },
		{ "[*?]", "*", true },
		{ "[*?]", "a", false },
		{ "[[]", "[", true },
		/* Ranges, also the wrong way round. */
		{ "[a-c]", "a", true },
		{ "[a-c]", "b", true },
		{ "[a-c]", "c", true },
		{ "[a-c]", "d", false },
		{ "[a-c]", "-", false },
		{ "[c-a]", "b", true },
		{ "[c-a]", "d", false },
		{ "[b-b]", "b", true },
		{ "[^a-c]", "b", false },
		{ "[^a-c]", "d", true },
		{ "[a-cx-z]", "y", true },
		{ "[a-cx-z]", "m", false },
		{ "[-a]", "-", true },
		{ "[-a]", "a", true },
		/* As in Redis, a - before the bracket is a range up to it. */
		{ "[+-]", "a", false },
		{ "[a-]x", "]", true },
		{ "[+-]]", "A", true },
		{ "[\x80-\xff]", "\x90", true },
		{ "[\x80-\xff]", "a", false },
		/* Escapes. */
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "\\?", "?", true },
		{ "\\?", "a", false },
		{ "\\[a]", "[a]", true },
		{ "\\[a]", "a", false },
		{ "\\\\", "\\", true },
		{ "\\a", "a", true },
		{ "a\\", "a\\", true },
		{ "a\\", "a", false },
		{ "[\\]]", "]", true },
		{ "[\\]]", "\\", false },
		{ "[\\^a]", "^", true },
		{ "[a\\-c]", "b", false },
		{ "[a\\-c]", "-", true },
		{ "[\\a-c]", "b", false },
		{ "[\\a-c]", "-", true },
		/* An unclosed set reaches to the end, as in Redis. */
		{ "[", "a", false },
		{ "[a", "a", true },
		{ "[a", "b", false },
		{ "[ab", "b", true },
		{ "[ab", "ab", false },
		{ "[^", "a", true },
		{ "[^a", "b", true },
		{ "[^a", "a", false },
		{ "[a-", "a", true },
		{ "[a-", "-", true },
		{ "[a-", "b", false },
		{ "[a-c", "b", true },
		{ "[a\\", "a", true },
		{ "[a\\", "\\", true },
		{ "x*[a", "xyza", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (glob_match(rows[i].pattern, rows[i].name) != rows[i].match)
			fail_msg("'%s' and '%s': not %d", rows[i].pattern, rows[i].name,
				 rows[i].match);
	}
}

/*
 * Redis' util.c, stringmatchlen_impl(), for case-sensitive strings: recursive,
 * exponential at worst, and therefore for short ones only.
 */
static bool
reference(const char *p, size_t plen, const char *s, size_t slen)
{
	while (plen > 0 && slen > 0) {
		bool negated, match = false;

		switch (p[0]) {
		case '*':
			for (size_t skip = 0; skip <= slen; skip++) {
				if (reference(p + 1, plen - 1, s + skip, slen - skip))
					return true;
			}
			return false;
		case '?':
			break;
		case '[':
			p++, plen--;
			negated = plen > 0 && p[0] == '^';
			if (negated)
				p++, plen--;
			for (;; p++, plen--) {
				if (plen >= 2 && p[0] == '\\') {
					p++, plen--;
					match |= p[0] == s[0];
				} else if (plen == 0) {
					p--, plen++;
					break;
				} else if (p[0] == ']') {
					break;
				} else if (plen >= 3 && p[1] == '-') {
					int low = p[0], high = p[2];

					match |= low <= high
							 ? s[0] >= low && s[0] <= high
							 : s[0] >= high && s[0] <= low;
					p += 2, plen -= 2;
				} else {
					match |= p[0] == s[0];
				}
			}
			if (match == negated)
				return false;
			break;
		case '\\':
			if (plen >= 2)
				p++, plen--;
			/* fall through */
		default:
			if (p[0] != s[0])
				return false;
		}
		p++, plen--;
		s++, slen--;
	}
	if (slen == 0) {
		while (plen > 0 && p[0] == '*')
			p++, plen--;
	}
	return plen == 0 && slen == 0;
}

/* len bytes of the alphabet in a block of exactly that size and its NUL. */
static char *
draw(const char *alphabet, size_t len)
{
	char *s = malloc(len + 1);

	assert_non_null(s);
	for (size_t i = 0; i < len; i++)
		s[i] = alphabet[seed_below(strlen(alphabet))];
	s[len] = '\0';
	return s;
}

static void
test_reference(void **state)
{
	unsigned matches = 0;

	(void)state;
	seed_begin();
	for (int i = 0; i < 200000; i++) {
		/* Stars and letters more often: else next to nothing matches. */
		char *pattern = draw("aabbc**?[]^-\\", seed_below(9));
		char *name = draw("aabbc-]^\\", seed_below(6));
		bool match = reference(pattern, strlen(pattern), name, strlen(name));

		if (glob_match(pattern, name) != match)
			fail_msg("'%s' and '%s': not %d", pattern, name, match);
		matches += match;
		free(pattern);
		free(name);
	}
	/* Else the comparison says nothing. */
	assert_in_range(matches, 10000, 190000);
}

static void
test_hostile(void **state)
{
	static const char *const elements[] = { "a*", "*a", "?*", "[ab]*", "*?a" };
	char name[201], pattern[512];

	(void)state;
	memset(name, 'a', 200);
	name[200] = '\0';
	alarm(HOSTILE_LIMIT_S);
	for (size_t e = 0; e < sizeof(elements) / sizeof(elements[0]); e++) {
		pattern[0] = '\0';
		/* At most 100, within what a channel name may be. */
		for (int i = 0; i < 100 && strlen(pattern) < 250; i++)
			strcat(pattern, elements[e]);
		assert_true(glob_match(pattern, name));
		strcat(pattern, "b");
		assert_false(glob_match(pattern, name));
	}
	alarm(0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_reference),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
