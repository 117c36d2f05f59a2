/*
 * log: what the operator reads at three in the morning, on stderr.
 *
 * Transitions, not conditions: one line when a server goes away and one when
 * it is back. A line about a target begins with its name. Under the journal a
 * line carries its priority as <N>, elsewhere the time. Text from outside is
 * bounded and escaped, never a format. errno is the same after as before.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
};

/*
 * Copies text to out, with everything that is not printable ASCII as \xNN, so
 * that no server can forge a line or speak to the terminal; what does not fit
 * is left out. Returns the length.
 */
size_t log_escape(char *out, size_t size, const char *text);

/* Says whether stderr is the journal. Call it once, first. */
void log_init(void);

void log_set_level(enum log_level level);
enum log_level log_level(void);
const char *log_level_name(enum log_level level);

/* "error", "warning", "notice", "info" or "debug", without regard to case. */
bool log_level_parse(const char *name, enum log_level *level);

/* One line about `who` (a target's name, or NULL for pinfod as a whole). */
void log_line(enum log_level level, const char *who, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

bool log_wants(enum log_level level);

#define log_error(who, ...) log_line(LOG_LEVEL_ERROR, who, __VA_ARGS__)
#define log_warning(who, ...) log_line(LOG_LEVEL_WARNING, who, __VA_ARGS__)
#define log_notice(who, ...) log_line(LOG_LEVEL_NOTICE, who, __VA_ARGS__)
#define log_info(who, ...) log_line(LOG_LEVEL_INFO, who, __VA_ARGS__)
/* Not worth formatting where nobody reads it: it stands on the hot path. */
#define log_debug(who, ...)                                          \
	do {                                                         \
		if (log_wants(LOG_LEVEL_DEBUG))                      \
			log_line(LOG_LEVEL_DEBUG, who, __VA_ARGS__); \
	} while (0)

#endif
