/*
 * service: on a clock of the test's, with timers that it fires, and a datagram
 * socket in the manager's place. The .c file, for its timers are private to it.
 */
#include <event2/event.h>
#include <event2/event_struct.h>

#include "clock.h"

static struct mono test_now(void);
static int test_assign(struct event *timer, short what, event_callback_fn callback,
		       void *arg);
static int test_add(struct event *timer, const struct timeval *tv);
static int test_del(struct event *timer);
static int test_pending(const struct event *timer);

#define clock_now() test_now()
#define event_assign(ev, base, fd, what, cb, arg) \
	((void)(base), test_assign(ev, what, cb, arg))
#define event_add(ev, tv) test_add(ev, tv)
#define event_del(ev) test_del(ev)
#define event_pending(ev, what, tv) test_pending(ev)
#include "../../src/service.c"
#undef clock_now
#undef event_assign
#undef event_add
#undef event_del
#undef event_pending

#include "capture.h"

#include <stdint.h>

#include <setjmp.h>
#include <cmocka.h>

#define EPOCH INT64_C(123456789012345)
#define MS(n) ((struct mono){ EPOCH + (int64_t)(n)*NS_PER_MS })

/*
 * The clock and the timers.
 */

static struct mono now;

static struct timer {
	struct event *event;
	event_callback_fn fire;
	void *arg;
	bool persist, armed;
	int64_t span_ns;
	struct mono due;
} timers[2];

static struct mono
test_now(void)
{
	return now;
}

static struct timer *
timer_of(const struct event *event)
{
	for (size_t i = 0; i < 2; i++) {
		if (timers[i].event == event || timers[i].event == NULL)
			return &timers[i];
	}
	fail_msg("a third timer");
	return NULL;
}

static int
test_assign(struct event *event, short what, event_callback_fn callback, void *arg)
{
	*timer_of(event) = (struct timer){
		.event = event,
		.fire = callback,
		.arg = arg,
		.persist = (what & EV_PERSIST) != 0,
	};
	return 0;
}

static int
test_add(struct event *event, const struct timeval *tv)
{
	struct timer *t = timer_of(event);

	t->armed = true;
	t->span_ns = tv->tv_sec * NS_PER_S + tv->tv_usec * 1000;
	t->due = clock_add_ns(now, t->span_ns);
	return 0;
}

static int
test_del(struct event *event)
{
	timer_of(event)->armed = false;
	return 0;
}

static int
test_pending(const struct event *event)
{
	return timer_of(event)->armed;
}

/* Time passes, and timers fire when they are due. */
static void
pass_until(struct mono until)
{
	for (;;) {
		struct timer *next = NULL;

		for (size_t i = 0; i < 2; i++) {
			if (timers[i].armed &&
			    clock_diff_ns(timers[i].due, until) <= 0 &&
			    (next == NULL ||
			     clock_diff_ns(timers[i].due, next->due) < 0))
				next = &timers[i];
		}
		if (next == NULL)
			break;
		if (clock_diff_ns(next->due, now) > 0)
			now = next->due;
		next->armed = next->persist;
		next->due = clock_add_ns(next->due, next->span_ns);
		next->fire(-1, EV_TIMEOUT, next->arg);
	}
	now = until;
}

/*
 * Setting up.
 */

static char directory[] = "/tmp/pinfod-service-XXXXXX";
static char manager_path[64];
static int manager = -1; /* its socket */
static struct service *service;

static const char *status_now; /* what the daemon has to say */
static unsigned status_asked;
static bool well;

static void
say_status(void *owner, char *text, size_t size)
{
	assert_ptr_equal(owner, &well);
	status_asked++;
	snprintf(text, size, "%s", status_now);
}

static bool
say_well(void *owner, struct mono at)
{
	assert_ptr_equal(owner, &well);
	assert_int_equal(at.ns, now.ns);
	return well;
}

static const struct service_hooks hooks = { say_status, say_well, &well };

/* A datagram socket at a path, or at an abstract name behind @. */
static void
listen_at(const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	size_t len = strlen(path);

	memcpy(sun.sun_path, path, len);
	if (*path == '@')
		sun.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(manager >= 0);
	assert_int_equal(
		bind(manager, (struct sockaddr *)&sun,
		     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)),
		0);
	setenv("NOTIFY_SOCKET", path, 1);
}

static const char *
heard(void)
{
	static char text[4096];
	ssize_t len = recv(manager, text, sizeof(text) - 1, 0);

	text[len < 0 ? 0 : len] = '\0';
	return text;
}

#define assert_heard(text) assert_string_equal(heard(), text)
#define assert_quiet() assert_heard("")

static struct service *
make_service(void)
{
	char error[512] = "";

	service = service_new(error, sizeof(error));
	assert_string_equal(error, "");
	assert_non_null(service);
	return service;
}

/* One that is attached to a manager. */
static void
attach(void)
{
	listen_at(manager_path);
	make_service();
	service_attach(service, NULL, &hooks);
	assert_quiet();
}

static int
make(void **state)
{
	(void)state;
	log_set_level(LOG_LEVEL_ERROR);
	now = MS(0);
	memset(timers, 0, sizeof(timers));
	status_now = "1 of 1 target up";
	status_asked = 0;
	well = true;
	return 0;
}

static int
clean(void **state)
{
	(void)state;
	service_free(service);
	service = NULL;
	if (manager >= 0)
		close(manager);
	manager = -1;
	unlink(manager_path);
	log_set_level(LOG_LEVEL_NOTICE);
	return 0;
}

/*
 * The environment.
 */

static const char *const variables[] = {
	"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
	"LISTEN_FDS",	 "LISTEN_PID",	  "LISTEN_FDNAMES",
};

static void
test_nobody_inherits(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		setenv(variables[i], "1", 1);
	setenv("CREDENTIALS_DIRECTORY", "/c", 1);
	make_service();
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		assert_null(getenv(variables[i]));
	assert_string_equal(getenv("CREDENTIALS_DIRECTORY"), "/c");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void
test_no_manager(void **state)
{
	(void)state;
	make_service();
	service_attach(service, NULL, &hooks);
	service_ready(service, now);
	service_reloading(service, now);
	service_changed(service, now);
	service_stopping(service);
	assert_false(timers[0].armed || timers[1].armed);
	assert_int_equal(status_asked, 0);
	assert_int_equal(service->fd, -1);
	assert_int_equal(service_listener(service), -1);
	assert_null(service_listener_path(service));
	service_free(NULL);
}

static void
test_address(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = {
		{ "/run/systemd/notify", true },
		{ "@/org/freedesktop/x", true },
		{ "@a", true },
		{ "/", false },
		{ "@", false },
		{ "", false },
		{ "run/notify", false },
		{ "vsock:2:1234", false },
	};
	char longest[200];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setenv("NOTIFY_SOCKET", rows[i].text, 1);
		make_service();
		if ((service->address_len > 0) != rows[i].good)
			fail_msg("%s", rows[i].text);
		service_free(service);
	}
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	for (size_t len = 106; len < 110; len++) {
		longest[len] = '\0';
		setenv("NOTIFY_SOCKET", longest, 1);
		make_service();
		assert_int_equal(service->address_len > 0, len <= 107);
		service_free(service);
		longest[len] = 'x';
	}
	service = NULL;
}

static void
test_watchdog_variables(void **state)
{
	static const struct {
		const char *usec, *pid; /* "self" for ours */
		uint64_t us;
	} rows[] = {
		{ "30000000", NULL, 30000000 },
		{ "30000000", "self", 30000000 },
		{ "30000000", "1", 0 },
		{ NULL, "self", 0 },
		{ "", "self", 0 },
		{ "0", NULL, 0 },
		{ "-1", NULL, 0 },
		{ "12x", NULL, 0 },
		{ " 12", NULL, 0 },
		{ "99999999999999999999999", NULL, 0 },
	};
	char self[24];

	(void)state;
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *pid = rows[i].pid;

		if (rows[i].usec != NULL)
			setenv("WATCHDOG_USEC", rows[i].usec, 1);
		if (pid != NULL)
			setenv("WATCHDOG_PID", strcmp(pid, "self") == 0 ? self : pid,
			       1);
		make_service();
		if (service->watchdog_us != rows[i].us)
			fail_msg("row %zu", i);
		service_free(service);
	}
	service = NULL;
}

/*
 * What is told.
 */

static void
test_life(void **state)
{
	char text[100];

	(void)state;
	attach();
	service_ready(service, now);
	assert_heard("READY=1\nSTATUS=1 of 1 target up");
	now = MS(2500);
	service_reloading(service, now);
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)(EPOCH / 1000 + 2500000));
	assert_heard(text);
	status_now = "2 of 2 targets up";
	service_ready(service, now);
	assert_heard("READY=1\nSTATUS=2 of 2 targets up");
	service_stopping(service);
	assert_heard("STOPPING=1\nSTATUS=ending");
	assert_quiet();
	assert_true(fcntl(service->fd, F_GETFD) & FD_CLOEXEC);
}

static void
test_abstract(void **state)
{
	char name[64];

	(void)state;
	snprintf(name, sizeof(name), "@pinfod-test-%ld", (long)getpid());
	listen_at(name);
	make_service();
	service_attach(service, NULL, &hooks);
	service_ready(service, now);
	assert_heard("READY=1\nSTATUS=1 of 1 target up");
}

static void
test_status(void **state)
{
	(void)state;
	attach();
	/* Before the start is done nothing is told. */
	service_changed(service, now);
	pass_until(MS(5000));
	assert_quiet();
	service_ready(service, now);
	heard();
	/* Not more than once a second, and then what holds then. */
	now = MS(5100);
	status_now = "a";
	service_changed(service, now);
	pass_until(MS(5500));
	status_now = "b";
	service_changed(service, now);
	pass_until(MS(5999));
	assert_quiet();
	pass_until(MS(6000));
	assert_heard("STATUS=b");
	assert_quiet();
	/* At once, on a fresh stack, when the last one is long past. */
	now = MS(60000);
	status_now = "c";
	service_changed(service, now);
	assert_quiet();
	pass_until(now);
	assert_heard("STATUS=c");
	/* Not when it is the same after all. */
	now = MS(70000);
	service_changed(service, now);
	pass_until(MS(90000));
	assert_quiet();
	/* Nor is anything asked when nothing changes. */
	status_asked = 0;
	pass_until(MS(900000));
	assert_int_equal(status_asked, 0);
}

static void
test_watchdog(void **state)
{
	(void)state;
	setenv("WATCHDOG_USEC", "3000000", 1);
	attach();
	pass_until(MS(10000));
	assert_quiet();
	service_ready(service, now);
	heard();
	pass_until(MS(11499));
	assert_quiet();
	pass_until(MS(11500));
	assert_heard("WATCHDOG=1");
	/* A reload does not put it off. */
	pass_until(MS(12000));
	service_ready(service, now);
	heard();
	pass_until(MS(13000));
	assert_heard("WATCHDOG=1");
	well = false;
	pass_until(MS(19000));
	assert_quiet();
	well = true;
	pass_until(MS(20500));
	assert_heard("WATCHDOG=1");
}

static void
test_manager_gone(void **state)
{
	struct capture c;
	char *said;

	(void)state;
	attach();
	service_ready(service, now);
	heard();
	unlink(manager_path);
	close(manager);
	log_set_level(LOG_LEVEL_WARNING);
	c = capture_begin();
	status_now = "a";
	service_changed(service, now);
	pass_until(MS(5000));
	said = capture_end(c);
	/* One line for all attempts. */
	assert_non_null(strstr(said, "the service manager cannot be told: "));
	assert_ptr_equal(strchr(said, '\n'), strrchr(said, '\n'));
	free(said);
	/* A new socket in its place hears what was kept for it. */
	listen_at(manager_path);
	pass_until(MS(6000));
	assert_heard("STATUS=a");
}

/* A manager that does not read: its queue is full. */
static void
test_manager_hangs(void **state)
{
	struct timeval soon = { .tv_usec = 1000 };

	(void)state;
	attach();
	setsockopt(service->fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	while (tell(service, MSG_DONTWAIT, "X=1"))
		;
	service_ready(service, now);
	while (strcmp(heard(), "X=1") == 0)
		;
	assert_quiet();
	pass_until(MS(999));
	assert_quiet();
	pass_until(MS(1000));
	assert_heard("READY=1\nSTATUS=1 of 1 target up");
	pass_until(MS(10000));
	assert_quiet();
}

/*
 * The socket that is handed over, as descriptor 3.
 */

static char socket_path[64];

enum given { NOTHING, STREAM, STREAM_CONNECTED, DGRAM, INET, PLAIN_FILE };

static void
give(enum given given)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct sockaddr_in { /* <netinet/in.h> says nothing else */
		sa_family_t family;
		char rest[14];
	} sin = { .family = AF_INET };
	int fd = -1;

	close(LISTENER);
	unlink(socket_path);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", socket_path);
	switch (given) {
	case NOTHING:
		return;
	case STREAM:
	case STREAM_CONNECTED:
	case DGRAM:
		fd = socket(AF_UNIX, given == DGRAM ? SOCK_DGRAM : SOCK_STREAM, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
		break;
	case INET:
		fd = socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
		break;
	case PLAIN_FILE:
		fd = open("/dev/null", O_RDONLY);
		break;
	}
	assert_true(fd >= 0);
	if (given == STREAM || given == INET)
		assert_int_equal(listen(fd, 5), 0);
	if (fd != LISTENER) {
		assert_int_equal(dup2(fd, LISTENER), LISTENER);
		close(fd);
	}
}

static void
test_listener(void **state)
{
	static const struct {
		enum given given;
		const char *count, *pid, *error; /* error NULL: it is taken */
	} rows[] = {
		{ STREAM, "1", "self", NULL },
		{ STREAM_CONNECTED, "1", "self", "that listens" },
		{ DGRAM, "1", "self", "no unix stream" },
		{ INET, "1", "self", "no unix stream" },
		{ PLAIN_FILE, "1", "self", "no unix stream" },
		{ NOTHING, "1", "self", "no unix stream" },
		{ STREAM, "2", "self", "'2' sockets" },
		{ STREAM, "x", "self", "'x' sockets" },
		{ STREAM, "-1", "self", "'-1' sockets" },
		{ STREAM, "99999999999999999999", "self", "sockets" },
	};
	char self[24], error[512];

	(void)state;
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		give(rows[i].given);
		setenv("LISTEN_FDS", rows[i].count, 1);
		setenv("LISTEN_PID", self, 1);
		setenv("LISTEN_FDNAMES", "anything", 1);
		error[0] = '\0';
		service = service_new(error, sizeof(error));
		if ((service == NULL) != (rows[i].error != NULL) ||
		    (rows[i].error != NULL && strstr(error, rows[i].error) == NULL))
			fail_msg("row %zu: %s", i, error);
		if (service == NULL)
			continue;
		assert_int_equal(service_listener(service), LISTENER);
		assert_string_equal(service_listener_path(service), socket_path);
		assert_true(fcntl(LISTENER, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(LISTENER, F_GETFD) & FD_CLOEXEC);
		service_free(service);
		service = NULL;
		assert_int_equal(fcntl(LISTENER, F_GETFD), -1);
		/* Its file is not ours to remove. */
		assert_int_equal(access(socket_path, F_OK), 0);
	}
	give(NOTHING);
}

/* What is for another process, or not there, is left alone. */
static void
test_listener_of_others(void **state)
{
	static const char *const rows[][2] = {
		{ "1", "1" },	 { "1", "" },	   { "1", NULL },
		{ "0", "self" }, { NULL, "self" },
	};
	char self[24];

	(void)state;
	snprintf(self, sizeof(self), "%ld", (long)getpid());
	give(STREAM);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *pid = rows[i][1];

		if (rows[i][0] != NULL)
			setenv("LISTEN_FDS", rows[i][0], 1);
		if (pid != NULL)
			setenv("LISTEN_PID", strcmp(pid, "self") == 0 ? self : pid, 1);
		make_service();
		assert_int_equal(service_listener(service), -1);
		service_free(service);
		assert_int_equal(fcntl(LISTENER, F_GETFD), 0);
	}
	service = NULL;
	give(NOTHING);
}

static void
test_listener_path(void **state)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	size_t start = offsetof(struct sockaddr_un, sun_path);
	char *path, text[120];
	int len;

	(void)state;
	path = path_of(fd);
	assert_string_equal(path, "");
	free(path);
	len = snprintf(sun.sun_path + 1, 100, "pinfod-%ld", (long)getpid());
	assert_int_equal(bind(fd, (struct sockaddr *)&sun,
			      (socklen_t)(start + 1 + (size_t)len)),
			 0);
	path = path_of(fd);
	snprintf(text, sizeof(text), "@%s", sun.sun_path + 1);
	assert_string_equal(path, text);
	free(path);
	close(fd);
}

/*
 * The summary.
 */

static void
assert_summary(const char *letters, const char *reload_error, const char *wanted)
{
	static const struct {
		char letter;
		enum target_state state;
	} states[] = {
		{ 'u', TARGET_UP },	  { 'd', TARGET_DOWN },
		{ 's', TARGET_SILENT },	  { 'n', TARGET_DENIED },
		{ 'b', TARGET_BUSY },	  { 'r', TARGET_REFUSED },
		{ '.', TARGET_STARTING }, { 'x', TARGET_STOPPED },
	};
	struct target_report reports[20];
	char names[20][2], text[SERVICE_STATUS_BYTES];
	size_t count = strlen(letters);

	for (size_t i = 0; i < count; i++) {
		size_t k = 0;

		while (states[k].letter != letters[i])
			k++;
		names[i][0] = (char)('A' + i);
		names[i][1] = '\0';
		reports[i] = (struct target_report){ .name = names[i],
						     .state = states[k].state };
	}
	service_summary(text, sizeof(text), reports, count, reload_error);
	assert_string_equal(text, wanted);
}

static void
test_summary(void **state)
{
	(void)state;
	assert_summary("u", NULL, "1 of 1 target up");
	assert_summary("d", NULL, "0 of 1 target up; down: A");
	assert_summary("uuuu", NULL, "4 of 4 targets up");
	assert_summary("uudu", NULL, "3 of 4 targets up; down: C");
	assert_summary("x.rbnsdu", NULL,
		       "1 of 8 targets up; down: G; silent: F; denied: E; busy: D; "
		       "refused: C; starting: B; stopped: A");
	assert_summary("dudd", NULL, "1 of 4 targets up; down: A, C, D");
	assert_summary("dddd", NULL, "0 of 4 targets up; down: A, B, C and 1 more");
	assert_summary("dsdsdsdsds", NULL,
		       "0 of 10 targets up; down: A, C, E and 2 more; "
		       "silent: B, D, F and 2 more");
	assert_summary("ud", "1 error, nothing has changed; f:1: x",
		       "1 of 2 targets up; the last reload failed: 1 error, nothing "
		       "has changed; f:1: x; down: B");
	assert_summary("u", "a\nREADY=1",
		       "1 of 1 target up; the last reload failed: "
		       "a\\x0aREADY=1");
}

/* Whatever it says fits into a datagram, whole lines or not. */
static void
test_long_summary(void **state)
{
	struct target_report reports[3];
	char name[256], text[SERVICE_STATUS_BYTES], small[10];

	(void)state;
	memset(name, '\xff', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < 3; i++)
		reports[i] =
			(struct target_report){ .name = name, .state = TARGET_DOWN };
	service_summary(text, sizeof(text), reports, 3, name);
	assert_in_range(strlen(text), sizeof(text) - 10, sizeof(text) - 1);
	service_summary(small, sizeof(small), reports, 3, NULL);
	assert_string_equal(small, "0 of 3 ta");
}

static int
make_directory(void **state)
{
	(void)state;
	if (mkdtemp(directory) == NULL)
		return -1;
	snprintf(manager_path, sizeof(manager_path), "%s/notify", directory);
	snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
	return 0;
}

static int
remove_directory(void **state)
{
	(void)state;
	unlink(socket_path);
	return rmdir(directory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nobody_inherits, make, clean),
		cmocka_unit_test_setup_teardown(test_no_manager, make, clean),
		cmocka_unit_test_setup_teardown(test_address, make, clean),
		cmocka_unit_test_setup_teardown(test_watchdog_variables, make, clean),
		cmocka_unit_test_setup_teardown(test_life, make, clean),
		cmocka_unit_test_setup_teardown(test_abstract, make, clean),
		cmocka_unit_test_setup_teardown(test_status, make, clean),
		cmocka_unit_test_setup_teardown(test_watchdog, make, clean),
		cmocka_unit_test_setup_teardown(test_manager_gone, make, clean),
		cmocka_unit_test_setup_teardown(test_manager_hangs, make, clean),
		cmocka_unit_test_setup_teardown(test_listener, make, clean),
		cmocka_unit_test_setup_teardown(test_listener_of_others, make, clean),
		cmocka_unit_test_setup_teardown(test_listener_path, make, clean),
		cmocka_unit_test_setup_teardown(test_summary, make, clean),
		cmocka_unit_test_setup_teardown(test_long_summary, make, clean),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
