/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a file of settings, and wipes it. */
#include "config/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_MAX_BYTES (16u << 20) /* far more than a configuration of 256 tunnels */

/* Reads to the end. False with errno set. */
static bool read_all(FILE *stream, struct kg_file *file)
{
	file->len = fread(file->text, 1, FILE_MAX_BYTES, stream);
	if (ferror(stream))
		return false;
	errno = EFBIG;
	return file->len < FILE_MAX_BYTES;
}

static bool is_exposed(FILE *stream)
{
	struct stat status;

	return fstat(fileno(stream), &status) == 0 && S_ISREG(status.st_mode) &&
	       (status.st_mode & S_IROTH) != 0;
}

/* Unbuffered: no copy of a password stays behind in the library. */
bool kg_file_read(struct kg_file *file, const char *path, struct kg_mistakes *mistakes)
{
	const struct kg_place at = { .file = path };
	FILE *stream = fopen(path, "re");
	bool good;

	if (stream == NULL) {
		kg_mistakes_error(mistakes, &at, "cannot be opened: %s", strerror(errno));
		return false;
	}
	setvbuf(stream, NULL, _IONBF, 0);
	*file = (struct kg_file){ .text = kg_config_alloc(FILE_MAX_BYTES, 1),
				  .exposed = is_exposed(stream) };
	good = read_all(stream, file);
	if (!good) {
		kg_mistakes_error(mistakes, &at, "cannot be read: %s", strerror(errno));
		kg_file_wipe(file);
	}
	fclose(stream);
	return good;
}

void kg_file_wipe(struct kg_file *file)
{
	if (file->text != NULL)
		explicit_bzero(file->text, file->len);
	free(file->text);
	*file = (struct kg_file){ 0 };
}

size_t kg_file_mark_bytes(const char *text, size_t len)
{
	static const char mark[] = "\xef\xbb\xbf";
	const size_t bytes = sizeof(mark) - 1;

	return len >= bytes && memcmp(text, mark, bytes) == 0 ? bytes : 0;
}
