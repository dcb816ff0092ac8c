/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads kcpgate-ctl's command line and calls the command. */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

enum takes {
	TAKES_NOTHING,
	TAKES_MAYBE,
	TAKES_ONE,
};

static const struct {
	const char *word, *what; /* `what`: it takes, as help shows it */
	enum takes takes;
	void (*perform)(struct connection *c, const struct ctl_args *args);
	const char *help;
} commands[] = {
	{ "status", "", TAKES_NOTHING, ctl_status, "the box at a glance" },
	{ "tunnels", "", TAKES_NOTHING, ctl_tunnels, "each tunnel" },
	{ "channels", "", TAKES_NOTHING, ctl_channels, "each channel" },
	{ "paths", "", TAKES_NOTHING, ctl_paths, "where channels' datagrams come from and go to" },
	{ "stats", "", TAKES_NOTHING, ctl_stats, "all numbers of the box, and what they mean" },
	{ "drops", "", TAKES_NOTHING, ctl_drops, "what was dropped, and why" },
	{ "why", " [ADDRESS]", TAKES_MAYBE, ctl_why,
	  "what keeps tunnels from working and what was dropped last, of an address or of all" },
	{ "top", "", TAKES_NOTHING, ctl_top, "what tunnels carry, live" },
	{ "events", "", TAKES_NOTHING, ctl_events,
	  "what happens from now on, a line of JSON each" },
	{ "trace", " CONV|ADDRESS", TAKES_ONE, ctl_trace,
	  "datagrams of a channel or a peer through the stages, as pcapng" },
	{ "hop", " TUNNEL", TAKES_ONE, ctl_hop, "have a client's channels go on from other ports" },
	{ "reload", "", TAKES_NOTHING, ctl_reload,
	  "have the files read again, and say how it went" },
	{ "log", " [LEVEL]", TAKES_MAYBE, ctl_log, "show or set the level of the log" },
};

static void print_help(void)
{
	char left[64];

	puts("usage: kcpgate-ctl [options] COMMAND\n"
	     "\n"
	     "Asks a running box.\n");
	for (size_t i = 0; i < KG_ARRAY_SIZE(commands); i++) {
		snprintf(left, sizeof(left), "%s%s", commands[i].word, commands[i].what);
		printf("  %-18s  %s\n", left, commands[i].help);
	}
	puts("\n"
	     "  --box NAME      which box, where several run\n"
	     "  --json          for programs\n"
	     "  --every SECONDS  with top: 1 unless told\n"
	     "  --times N       with top, trace: end after so many; 0, for ever, unless told\n"
	     "  --output FILE   with trace: standard output unless told\n"
	     "  --decrypted     with trace: what is within the encryption\n"
	     "  --version       show the version\n"
	     "  --help          show this text\n"
	     "\n"
	     "Exit status: 0 good, 1 the box says no or is not there, 2 wrong arguments.");
}

__attribute__((noreturn)) static void wrong(const char *what, const char *why)
{
	fprintf(stderr, "kcpgate-ctl: %s: %s, see --help\n", what, why);
	exit(2);
}

static unsigned int number(const char *option, const char *text)
{
	char *end = NULL;
	unsigned long value = text != NULL ? strtoul(text, &end, 10) : 0;

	if (text == NULL || end == text || *end != '\0' || value > 86400)
		wrong(option, "a number belongs behind it");
	return (unsigned int)value;
}

static void take_word(struct ctl_args *args, const char *text)
{
	if (args->word == NULL)
		args->word = text;
	else if (args->of == NULL)
		args->of = text;
	else
		wrong(text, "one too many");
}

/* Options with a value take the next argument, too. */
static void parse(struct ctl_args *args, char **argv)
{
	*args = (struct ctl_args){ .every_s = 1 };
	for (char **at = argv + 1; *at != NULL; at++) {
		if (**at != '-') {
			take_word(args, *at);
		} else if (strcmp(*at, "--json") == 0) {
			args->json = true;
		} else if (strcmp(*at, "--help") == 0) {
			print_help();
			exit(0);
		} else if (strcmp(*at, "--version") == 0) {
			puts("kcpgate-ctl " KG_VERSION);
			exit(0);
		} else if (strcmp(*at, "--box") == 0 && at[1] != NULL) {
			args->box = *++at;
		} else if (strcmp(*at, "--output") == 0 && at[1] != NULL) {
			args->output = *++at;
		} else if (strcmp(*at, "--decrypted") == 0) {
			args->decrypted = true;
		} else if (strcmp(*at, "--every") == 0) {
			args->every_s = KG_MAX(number(*at, at[1]), 1u);
			at++;
		} else if (strcmp(*at, "--times") == 0) {
			args->times = number(*at, at[1]);
			at++;
		} else {
			wrong(*at, "unknown, or a value is missing");
		}
	}
}

static void perform(const struct ctl_args *args)
{
	struct connection c;

	for (size_t i = 0; i < KG_ARRAY_SIZE(commands); i++) {
		if (strcmp(commands[i].word, args->word) != 0)
			continue;
		if (commands[i].takes == TAKES_ONE && args->of == NULL)
			wrong(args->word, "what it is about is missing");
		if (commands[i].takes == TAKES_NOTHING && args->of != NULL)
			wrong(args->of, "one too many");
		ctl_connect(&c, args->box);
		commands[i].perform(&c, args);
		ctl_disconnect(&c);
		return;
	}
	wrong(args->word, "no command");
}

int main(int argc, char **argv)
{
	struct ctl_args args;

	parse(&args, argv);
	if (args.word == NULL)
		wrong("nothing", "a command is missing");
	perform(&args);
	return 0;
}
