/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: kcpgate [EAL options --] [--check-config | --print-config | --version |
 * --help] FILE.json…  What stands before the first "--" belongs to EAL, untouched.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

enum kg_exit {
	KG_EXIT_GOOD = 0,
	KG_EXIT_FAILED = 1,     /* while running */
	KG_EXIT_BAD_CONFIG = 2, /* configuration or arguments */
};

enum kg_action {
	KG_ACTION_RUN,
	KG_ACTION_CHECK,   /* read the files and say what is wrong with them */
	KG_ACTION_PRINT,   /* show the effective configuration */
	KG_ACTION_VERSION, /* needs no file */
	KG_ACTION_HELP,    /* needs no file */
};

/* Points into argv. */
struct kg_args {
	char **eal; /* without the program's name and without "--" */
	int eal_count;
	const char *const *files;
	size_t file_count;
	enum kg_action action;
};

/*
 * Moves the files in argv to the front of their part. Every mistake is told to `errors`, one line
 * each. Returns KG_EXIT_GOOD or KG_EXIT_BAD_CONFIG.
 */
enum kg_exit kg_args_parse(struct kg_args *args, int argc, char **argv, FILE *errors);

void kg_args_help(FILE *to);
