/*
 * detect_link: whether the server can be asked, and PUBLISH gets through.
 *
 * The target's state is what the last INFO came to; these give it a name, a
 * severity and a hold.
 */
#include <string.h>

#include "detect.h"
#include "log.h"

/* A server's words in a summary are bounded there, and escaped when shown. */
static void
say_for(const struct view *v, struct notice *n, const char *what)
{
	char span[CLOCK_SPAN_BYTES];
	double seconds = clock_diff_s(v->at.mono, v->state_since);

	detect_say(n, "%s for %s%s%.160s", what, clock_span(span, seconds),
		   *v->reason != '\0' ? ": " : "", v->reason);
	notice_figure(n, "seconds", seconds);
}

/* From when it was found so: its deadline had passed by then. */
static void
figure_publish(const struct view *v, struct notice *n)
{
	notice_figure(n, "seconds", clock_diff_s(v->at.mono, v->publish_since));
}

/* What to say of a state that it is not in: it is well, or not watched. */
static enum verdict
otherwise(const struct view *v)
{
	return v->state == TARGET_STOPPED ? VERDICT_KEEP : VERDICT_CLEAR;
}

enum verdict
detect_link_down(const struct view *v, struct scratch *s, struct notice *n)
{
	(void)s;
	/* Refused is "max clients", a broken protocol, INFO renamed. */
	if (v->state == TARGET_DOWN)
		say_for(v, n, "no connection");
	else if (v->state == TARGET_REFUSED)
		say_for(v, n, "no feed");
	else if (v->state == TARGET_STARTING)
		say_for(v, n, "no connection yet");
	else
		return otherwise(v);
	return VERDICT_CRITICAL;
}

enum verdict
detect_link_silent(const struct view *v, struct scratch *s, struct notice *n)
{
	(void)s;
	if (v->state != TARGET_SILENT)
		return otherwise(v);
	say_for(v, n, "no answer");
	return VERDICT_CRITICAL;
}

enum verdict
detect_link_denied(const struct view *v, struct scratch *s, struct notice *n)
{
	(void)s;
	if (v->state == TARGET_DENIED) {
		say_for(v, n, "refused");
	} else if (v->publish == PUBLISH_DENIED && v->state == TARGET_UP) {
		detect_say(n, "PUBLISH is refused: %.160s", v->publish_reason);
		figure_publish(v, n);
	} else {
		return otherwise(v);
	}
	return VERDICT_CRITICAL;
}

enum verdict
detect_link_busy(const struct view *v, struct scratch *s, struct notice *n)
{
	(void)s;
	if (v->state != TARGET_BUSY)
		return otherwise(v);
	say_for(v, n, "a script blocks the server");
	return VERDICT_WARNING;
}

enum verdict
detect_publish_blocked(const struct view *v, struct scratch *s, struct notice *n)
{
	(void)s;
	if (v->publish != PUBLISH_BLOCKED)
		return VERDICT_CLEAR;
	detect_say(n,
		   "PUBLISH is not answered: %.160s; INFO is asked by a second "
		   "connection",
		   v->publish_reason);
	figure_publish(v, n);
	return VERDICT_WARNING;
}
