/* SPDX-License-Identifier: BSD-3-Clause */
/* Knows where a tunnel's files are, and gives the log's thread what is to be written there. */
#include "log/journal.h"

#include "log/files.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_BYTES 1024

/* NULL: it has no journal. A relay's is named for its listener. */
static const char *directory(const struct kg_tunnel_config *config)
{
	if (config->log_path == NULL && config->other_leg != NULL)
		return config->other_leg->log_path;
	return config->log_path;
}

bool kg_journal_is_kept(const struct kg_tunnel_config *config)
{
	return directory(config) != NULL;
}

static const char *mode_word(const struct kg_tunnel_config *config)
{
	return kg_mode_is_leg(config->mode) ? KG_RELAY_WORD : kg_mode_name(config->mode);
}

void kg_journal(uint32_t level, const struct kg_tunnel_config *config, const char *format, ...)
{
	char text[TEXT_BYTES], stamp[KG_LOG_STAMP_BYTES], line[TEXT_BYTES + KG_LOG_STAMP_BYTES + 4];
	char path[PATH_MAX];
	va_list values;

	va_start(values, format);
	vsnprintf(text, sizeof(text), format, values);
	va_end(values);
	rte_log(level, (uint32_t)kg_log_type, "kcpgate: %s", text);
	if (!kg_journal_is_kept(config))
		return;
	snprintf(path, sizeof(path), "%s/%s_output.log", directory(config), mode_word(config));
	snprintf(line, sizeof(line), "[%s] %s", kg_log_stamp(stamp), text);
	kg_log_append(path, line);
}

void kg_journal_status(const struct kg_tunnel_config *config, const char *text, size_t len)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s_status.log", directory(config),
		 config->relay != NULL ? config->relay : config->name);
	kg_log_replace(path, text, len);
}

const char *kg_journal_fault(const struct kg_tunnel_config *config)
{
	struct stat what;

	if (config->log_path == NULL)
		return NULL;
	if (stat(config->log_path, &what) != 0)
		return strerror(errno);
	if (!S_ISDIR(what.st_mode))
		return strerror(ENOTDIR);
	return access(config->log_path, W_OK | X_OK) == 0 ? NULL : strerror(errno);
}
