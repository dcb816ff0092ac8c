/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The command line: kcpgate [EAL options --] [--check-config | --print-config [--show-secrets] |
 * --import | --import-udphop | --try [--json] | --doctor [--json] | --version | --help] FILE…  What
 * stands before the first "--" belongs to EAL, untouched.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum kg_args_action {
	KG_ARGS_RUN,
	KG_ARGS_CHECK,   /* read the files and say what is wrong with them */
	KG_ARGS_PRINT,   /* show the effective configuration */
	KG_ARGS_IMPORT,  /* show the configuration that KCPTube's or UDP Hop's files make */
	KG_ARGS_TRY,     /* test whether servers answer */
	KG_ARGS_DOCTOR,  /* say what this machine lacks; may do without a file */
	KG_ARGS_VERSION, /* needs no file */
	KG_ARGS_HELP,    /* needs no file */
};

/* Points into argv. */
struct kg_args {
	char **eal; /* without the program's name and without "--" */
	int eal_count;
	const char *const *files;
	size_t file_count;
	enum kg_args_action action;
	bool udphop; /* what is imported is UDP Hop's, in any case */
	bool show_secrets;
	bool json; /* what --try and --doctor tell */
};

/*
 * Moves the files in argv to the front of their part. Every mistake is told to `errors`, one line
 * each; false then.
 */
bool kg_args_parse(struct kg_args *args, int argc, char **argv, FILE *errors);

void kg_args_print_help(FILE *to);
