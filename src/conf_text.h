/*
 * conf_text: the texts that a configuration is made of, its file and what that
 * includes, looked at before libconfig sees them.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

struct conf_messages;

/*
 * The file's text, to be freed. NULL when a file is such that libconfig must not
 * see it: not to be read, no regular one, too large, included without an end.
 * What libconfig would misread in any of them is said in *messages, too, as are
 * the reasons for NULL.
 */
char *conf_text_read(const char *file, struct conf_messages *messages);

/* The directory that includes of this file are relative to; to be freed. */
char *conf_text_directory(const char *file);

#endif
