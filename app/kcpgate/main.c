/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Leads kcpgate from its arguments through configuration, start and forwarding to the stop. To
 * follow a packet, open turn.c.
 */
#include "box.h"
#include "clock.h"
#include "config/mistakes.h"
#include "control/control.h"
#include "doctor.h"
#include "import.h"
#include "log.h"
#include "start/args.h"
#include "start/claims.h"
#include "start/eal.h"
#include "start/machine.h"
#include "start/notify.h"
#include "telemetry.h"
#include "try.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kg_exit {
	KG_EXIT_GOOD = 0,
	KG_EXIT_FAILED =
		1, /* starting or running; a server's answer, or the machine's part, lacks */
	KG_EXIT_BAD_CONFIG = 2, /* or bad arguments */
};

static enum kg_exit forward(struct kg_box *box, const struct kg_control_origin *origin)
{
	struct kg_control *control = kg_control_create(box, origin);
	enum kg_exit status = KG_EXIT_FAILED;
	int rc;

	if (control == NULL) {
		KG_LOG(ERR, "no netlink or signal descriptor: %s\n", strerror(errno));
		return KG_EXIT_FAILED;
	}
	rc = kg_telemetry_init(box);
	if (rc != 0)
		KG_LOG(WARNING, "no telemetry: %s\n", strerror(-rc));
	rc = kg_box_start(box);
	if (rc == 0) {
		kg_log_announce("kcpgate ready\n");
		kg_notify("READY=1");
		status = kg_control_run(control) ? KG_EXIT_GOOD : KG_EXIT_FAILED;
		kg_notify("STOPPING=1");
	} else {
		KG_LOG(ERR, "cannot start the threads: %s\n", strerror(-rc));
	}
	kg_telemetry_fini();
	kg_box_stop(box);
	kg_control_destroy(control);
	return status;
}

static enum kg_exit run(struct kg_config *config, const struct kg_args *args)
{
	/* Half a megabyte of tables: too much for a stack. */
	static struct kg_box box;
	struct kg_control_origin origin = { args->files, args->file_count };
	char error[512];
	enum kg_exit status;
	int rc = kg_eal_init(config, args->eal, args->eal_count);

	if (rc != 0) {
		fprintf(stderr, "kcpgate: EAL does not start: %s\n", strerror(-rc));
		kg_doctor_explain(config, false, stderr);
		return KG_EXIT_FAILED;
	}
	if (!kg_eal_has_devices(config, stderr)) {
		kg_doctor_explain(config, true, stderr);
		kg_eal_fini();
		return KG_EXIT_BAD_CONFIG;
	}
	kg_clock_init();
	origin.key = (struct kg_siphash_key){ { kg_clock_seed(), kg_clock_seed() } };
	kg_config_digest(config, &origin.key);
	if (kg_box_init(&box, config, error, sizeof(error))) {
		kg_config_forget_secrets(config);
		status = forward(&box, &origin);
	} else {
		KG_LOG(ERR, "%s\n", error);
		kg_doctor_explain(config, true, stderr);
		status = KG_EXIT_FAILED;
	}
	kg_box_fini(&box);
	kg_eal_fini();
	return status;
}

static enum kg_exit run_logged(struct kg_config *config, const struct kg_args *args)
{
	enum kg_exit status;

	kg_control_block_signals();
	if (!kg_log_start())
		fprintf(stderr, "kcpgate: no thread for the log: %s\n", strerror(errno));
	status = run(config, args);
	kg_log_stop();
	return status;
}

/* The interfaces are ours alone, whatever is wrong with them. */
static enum kg_exit run_claimed(struct kg_config *config, const struct kg_args *args)
{
	enum kg_exit status = KG_EXIT_BAD_CONFIG;
	struct kg_mistakes mistakes;

	kg_mistakes_init(&mistakes);
	kg_machine_check_links(config, &mistakes, args->files[0]);
	kg_mistakes_print(&mistakes, stderr);
	if (mistakes.errors == NULL)
		status = run_logged(config, args);
	kg_mistakes_free(&mistakes);
	return status;
}

static enum kg_exit run_alone(struct kg_config *config, const struct kg_args *args)
{
	struct kg_claims claims;
	enum kg_exit status;
	char error[512];

	if (!kg_claims_take(&claims, config, error, sizeof(error))) {
		fprintf(stderr, "kcpgate: %s\n", error);
		return KG_EXIT_FAILED;
	}
	status = run_claimed(config, args);
	kg_claims_release(&claims);
	return status;
}

static bool needs_machine(enum kg_args_action action)
{
	return action == KG_ARGS_RUN || action == KG_ARGS_CHECK;
}

static enum kg_exit with_config(const struct kg_args *args)
{
	struct kg_config config;
	struct kg_mistakes mistakes;
	enum kg_exit status = KG_EXIT_GOOD;

	kg_config_load(&config, &mistakes, args->files, args->file_count);
	if (mistakes.errors == NULL && needs_machine(args->action))
		kg_machine_check(&config, &mistakes, args->files[0]);
	kg_mistakes_print(&mistakes, stderr);
	if (mistakes.errors != NULL)
		status = KG_EXIT_BAD_CONFIG;
	else if (args->action == KG_ARGS_PRINT)
		kg_config_print(&config, stdout, args->show_secrets);
	else if (args->action == KG_ARGS_TRY)
		status = kg_try(&config, args->json, stdout) ? KG_EXIT_GOOD : KG_EXIT_FAILED;
	else if (args->action == KG_ARGS_DOCTOR)
		status = kg_doctor(&config, args->json, stdout) ? KG_EXIT_GOOD : KG_EXIT_FAILED;
	else if (args->action == KG_ARGS_RUN)
		status = run_alone(&config, args);
	kg_mistakes_free(&mistakes);
	kg_config_free(&config);
	return status;
}

static enum kg_exit without_config(const struct kg_args *args)
{
	struct kg_config config;
	bool good;

	kg_doctor_any_box(&config);
	good = kg_doctor(&config, args->json, stdout);
	kg_config_free(&config);
	return good ? KG_EXIT_GOOD : KG_EXIT_FAILED;
}

int main(int argc, char **argv)
{
	struct kg_args args;

	if (!kg_args_parse(&args, argc, argv, stderr))
		return KG_EXIT_BAD_CONFIG;
	switch (args.action) {
	case KG_ARGS_HELP:
		kg_args_print_help(stdout);
		return KG_EXIT_GOOD;
	case KG_ARGS_VERSION:
		printf("kcpgate %s\n", KG_VERSION);
		return KG_EXIT_GOOD;
	case KG_ARGS_IMPORT:
		return kg_import_files(args.files, args.file_count, args.udphop) ? KG_EXIT_GOOD
										 : KG_EXIT_FAILED;
	default:
		return args.file_count > 0 ? with_config(&args) : without_config(&args);
	}
}
