/*
 * thread: a thread for what may hang and cannot be called off: nobody waits for it.
 * What it shares with the loop is its starter's business.
 */
#ifndef THREAD_H
#define THREAD_H

/*
 * Runs fn(arg) in a thread that ends by itself. Signals are the loop's: the thread is
 * born with all of them blocked. 0, or an errno: then nothing runs.
 */
int thread_start(void *(*fn)(void *arg), void *arg);

#endif
