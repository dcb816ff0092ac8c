/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads the command line and says what is wrong with it. */
#include "start/args.h"

#include <string.h>

struct option {
	const char *name;
	enum kg_args_action action;
	const char *help;
	/* No action, but goes with one. */
	bool secrets; /* --print-config */
	bool json;    /* --try, --doctor */
	bool udphop;  /* an import of UDP Hop's files */
};

static const struct option options[] = {
	{ "--check-config", KG_ARGS_CHECK, "say what is wrong with the files, and end" },
	{ "--print-config", KG_ARGS_PRINT, "show the configuration with all defaults" },
	{ "--show-secrets", .help = "with --print-config: passwords too", .secrets = true },
	{ "--import", KG_ARGS_IMPORT, "KCPTube's .conf files to one of kcpgate's" },
	{ "--import-udphop", KG_ARGS_IMPORT, "UDP Hop's, also those without a timeout",
	  .udphop = true },
	{ "--try", KG_ARGS_TRY, "test whether servers of clients and relays answer, and end" },
	{ "--doctor", KG_ARGS_DOCTOR, "say what this machine lacks, how to mend it, and end" },
	{ "--json", .help = "with --try or --doctor: for programs", .json = true },
	{ "--version", KG_ARGS_VERSION, "show the version" },
	{ "--help", KG_ARGS_HELP, "show this text" },
	{ NULL },
};

static const struct option *find_option(const char *argument)
{
	const struct option *option = options;

	while (option->name && strcmp(option->name, argument))
		option++;
	return option->name ? option : NULL;
}

static bool complain(FILE *errors, const char *argument, const char *text)
{
	fprintf(errors, "kcpgate: %s: %s\n", argument, text);
	return false;
}

/* Number of arguments before "--", or -1 when there is none. */
static int find_separator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i - 1;
	}
	return -1;
}

static bool check_eal(const struct kg_args *args, FILE *errors)
{
	bool good = true;

	for (int i = 0; i < args->eal_count; i++) {
		if (find_option(args->eal[i]))
			good = complain(errors, args->eal[i],
					"is for kcpgate, and what is before -- goes to EAL");
	}
	return good;
}

static bool take_option(struct kg_args *args, const char *argument, FILE *errors)
{
	const struct option *option = find_option(argument);

	if (!option)
		return complain(errors, argument,
				"unknown option (EAL's stand before --, see --help)");
	if (option->secrets || option->json) {
		args->show_secrets |= option->secrets;
		args->json |= option->json;
		return true;
	}
	if (args->action != KG_ARGS_RUN && args->action != option->action)
		return complain(errors, argument, "only one of the options at a time");
	args->action = option->action;
	args->udphop |= option->udphop;
	return true;
}

static bool needs_file(enum kg_args_action action)
{
	return action != KG_ARGS_VERSION && action != KG_ARGS_HELP && action != KG_ARGS_DOCTOR;
}

bool kg_args_parse(struct kg_args *args, int argc, char **argv, FILE *errors)
{
	int separator = find_separator(argc, argv);
	char **first = argv + (separator < 0 ? 1 : separator + 2);
	char **end = argv + argc;
	bool good;

	*args = (struct kg_args){ 0 };
	if (separator > 0) {
		args->eal = argv + 1;
		args->eal_count = separator;
	}
	good = check_eal(args, errors);
	args->files = (const char *const *)first;
	for (char **argument = first; argument < end; argument++) {
		if (**argument != '-')
			first[args->file_count++] = *argument;
		else if (!take_option(args, *argument, errors))
			good = false;
	}
	if (args->show_secrets && args->action != KG_ARGS_PRINT)
		good = complain(errors, "--show-secrets", "only with --print-config");
	if (args->json && args->action != KG_ARGS_TRY && args->action != KG_ARGS_DOCTOR)
		good = complain(errors, "--json", "only with --try or --doctor");
	if (args->file_count == 0 && needs_file(args->action) && good)
		good = complain(errors, "no configuration file", "see --help");
	return good;
}

void kg_args_print_help(FILE *to)
{
	fputs("usage: kcpgate [EAL options --] [option] FILE.json...\n"
	      "\n"
	      "Runs the tunnels of the configuration files, which add up to one.\n"
	      "\n",
	      to);
	for (const struct option *option = options; option->name; option++)
		fprintf(to, "  %-16s %s\n", option->name, option->help);
	fputs("\n"
	      "Exit status: 0 good, 1 failed while running or importing, some server does not\n"
	      "answer, or the machine lacks something, 2 bad configuration or arguments.\n",
	      to);
}
