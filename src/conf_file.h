/*
 * conf_file: reads a configuration file.
 */
#ifndef CONF_FILE_H
#define CONF_FILE_H

struct conf;
struct conf_flags;
struct conf_messages;
struct target_config;

/*
 * Adds what the file says to *conf and *defaults; flags outweigh its defaults.
 * All its errors go to *messages, with file and line.
 */
void conf_file_read(const char *file, const struct conf_flags *flags, struct conf *conf,
		    struct target_config *defaults, struct conf_messages *messages);

#endif
