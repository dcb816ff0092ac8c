/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * main() of a fuzz target without libFuzzer: gives it every file of the directories named as
 * arguments, so that what a fuzzer once found stays found. An empty directory is an error.
 */
#include <dirent.h>
#include <string.h>

#include "fuzz.h"

#define INPUT_MAX_BYTES (1 << 20)
#define PATH_MAX_BYTES  4096

static int replay_file(const char *path)
{
	uint8_t *room = malloc(INPUT_MAX_BYTES);
	FILE *file = fopen(path, "rb");

	if (!file || !room) {
		perror(path);
		exit(1);
	}
	size_t len = fread(room, 1, INPUT_MAX_BYTES, file);
	/* Ends where its allocation ends: a sanitizer sees one byte too far. */
	uint8_t *input = malloc(len ? len : 1);

	memcpy(input, room, len);
	fclose(file);
	free(room);
	printf("%s: %zu bytes\n", path, len);
	fflush(stdout);
	LLVMFuzzerTestOneInput(input, len);
	free(input);
	return 1;
}

static int replay_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int files = 0;

	if (!dir) {
		perror(path);
		exit(1);
	}
	while ((entry = readdir(dir))) {
		char file[PATH_MAX_BYTES];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		files += replay_file(file);
	}
	closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	int files = 0;

	for (int i = 1; i < argc; i++)
		files += replay_directory(argv[i]);
	printf("%d files replayed\n", files);
	return files > 0 ? 0 : 1;
}
