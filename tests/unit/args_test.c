/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of kcpgate. */
#include "kcpgate/start/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ARGUMENTS_MAX 16

struct parsed {
	char *line; /* the words' memory */
	char *argv[ARGUMENTS_MAX];
	struct kg_args args;
	bool good;
	char *errors; /* what was told */
};

/* Parses words separated by one space. */
static void parse(struct parsed *p, const char *words)
{
	static char name[] = "kcpgate";
	char *rest = p->line = strdup(words);
	size_t length;
	int argc = 0;
	FILE *errors = open_memstream(&p->errors, &length);

	p->argv[argc++] = name;
	for (char *word; (word = strsep(&rest, " "));) {
		if (*word)
			p->argv[argc++] = word;
	}
	p->argv[argc] = NULL;
	p->good = kg_args_parse(&p->args, argc, p->argv, errors);
	fclose(errors);
}

static void release(struct parsed *p)
{
	free(p->line);
	free(p->errors);
}

static void expect(const char *words, enum kg_args_action action, int eal_count, size_t file_count)
{
	struct parsed p;

	parse(&p, words);
	if (!p.good || p.args.action != action || p.args.eal_count != eal_count ||
	    p.args.file_count != file_count)
		fail_msg("\"%s\": %s action %d, EAL %d, files %zu", words, p.errors, p.args.action,
			 p.args.eal_count, p.args.file_count);
	assert_string_equal(p.errors, "");
	release(&p);
}

static void expect_error(const char *words, const char *text)
{
	struct parsed p;

	parse(&p, words);
	assert_false(p.good);
	assert_string_equal(p.errors, text);
	release(&p);
}

static void actions(void **state)
{
	expect("box.json", KG_ARGS_RUN, 0, 1);
	expect("a.json b.json c.json", KG_ARGS_RUN, 0, 3);
	expect("--check-config box.json", KG_ARGS_CHECK, 0, 1);
	expect("box.json --print-config", KG_ARGS_PRINT, 0, 1);
	expect("--check-config --check-config box.json", KG_ARGS_CHECK, 0, 1);
	expect("--show-secrets --print-config box.json", KG_ARGS_PRINT, 0, 1);
	expect("--import a.conf b.conf", KG_ARGS_IMPORT, 0, 2);
	expect("--import-udphop a.conf", KG_ARGS_IMPORT, 0, 1);
	expect("--import --import-udphop a.conf", KG_ARGS_IMPORT, 0, 1);
	expect("--try box.json", KG_ARGS_TRY, 0, 1);
	expect("--json --try a.json b.json", KG_ARGS_TRY, 0, 2);
	expect("--doctor", KG_ARGS_DOCTOR, 0, 0);
	expect("--doctor --json a.json b.json", KG_ARGS_DOCTOR, 0, 2);
	expect("--version", KG_ARGS_VERSION, 0, 0);
	expect("--help", KG_ARGS_HELP, 0, 0);
}

static void eal_options(void **state)
{
	expect("--no-huge -m 512 -- box.json", KG_ARGS_RUN, 3, 1);
	expect("-- box.json", KG_ARGS_RUN, 0, 1);
	expect("--no-pci -- --check-config box.json", KG_ARGS_CHECK, 1, 1);
}

static void words_stay_in_order(void **state)
{
	struct parsed p;

	parse(&p, "-l 0-1 -- a.json --print-config b.json");
	assert_true(p.good);
	assert_string_equal(p.args.eal[0], "-l");
	assert_string_equal(p.args.eal[1], "0-1");
	assert_string_equal(p.args.files[0], "a.json");
	assert_string_equal(p.args.files[1], "b.json");
	release(&p);
}

static void mistakes(void **state)
{
	expect_error("", "kcpgate: no configuration file: see --help\n");
	expect_error("--no-huge --", "kcpgate: no configuration file: see --help\n");
	expect_error("--check-config", "kcpgate: no configuration file: see --help\n");
	expect_error("--no-huge box.json",
		     "kcpgate: --no-huge: unknown option (EAL's stand before --, see --help)\n");
	expect_error(
		"--check-config -- box.json",
		"kcpgate: --check-config: is for kcpgate, and what is before -- goes to EAL\n");
	expect_error("--check-config --print-config box.json",
		     "kcpgate: --print-config: only one of the options at a time\n");
	expect_error("--import --check-config old.conf",
		     "kcpgate: --check-config: only one of the options at a time\n");
	expect_error("--show-secrets box.json",
		     "kcpgate: --show-secrets: only with --print-config\n");
	expect_error("--json box.json", "kcpgate: --json: only with --try or --doctor\n");
	expect_error("--check-config --try box.json",
		     "kcpgate: --try: only one of the options at a time\n");
	expect_error("--no-huge -- -- box.json",
		     "kcpgate: --: unknown option (EAL's stand before --, see --help)\n");
}

static void all_mistakes_at_once(void **state)
{
	expect_error("--wrong --json box.json",
		     "kcpgate: --wrong: unknown option (EAL's stand before --, see --help)\n"
		     "kcpgate: --json: only with --try or --doctor\n");
}

static void help_names_every_option(void **state)
{
	char *text;
	size_t length;
	FILE *to = open_memstream(&text, &length);

	kg_args_print_help(to);
	fclose(to);
	assert_non_null(strstr(text, "--check-config"));
	assert_non_null(strstr(text, "--print-config"));
	assert_non_null(strstr(text, "--try"));
	assert_non_null(strstr(text, "--json"));
	assert_non_null(strstr(text, "--doctor"));
	assert_non_null(strstr(text, "--version"));
	assert_non_null(strstr(text, "--import "));
	assert_non_null(strstr(text, "--import-udphop"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(actions),
		cmocka_unit_test(eal_options),
		cmocka_unit_test(words_stay_in_order),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(all_mistakes_at_once),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
