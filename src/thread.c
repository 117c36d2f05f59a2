/*
 * thread: see thread.h.
 */
#include "thread.h"

#include <pthread.h>
#include <signal.h>

/* getaddrinfo and jansson want less; the preset is the shell's limit, 8 MiB. */
#define STACK_BYTES (256 * 1024)

int
thread_start(void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attributes;
	sigset_t all, old;
	pthread_t thread;
	int rc;

	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, &attributes, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attributes);
	return rc;
}
