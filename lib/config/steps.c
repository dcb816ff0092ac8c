/* SPDX-License-Identifier: BSD-3-Clause */
/* Loads a configuration, in four steps. */
#include "config/load.h"

#include <stdlib.h>

/* What does not stand there cannot be derived from, nor compared. */
static void take_steps(struct kg_load *load)
{
	kg_load_values(load);
	if (!kg_load_is_whole(load))
		return;
	kg_load_derive(load);
	kg_load_check(load);
	kg_load_check_tunnels(load);
}

static void load_all(struct kg_config *config, struct kg_mistakes *mistakes,
		     struct kg_document *documents, size_t document_count)
{
	struct kg_load *load = kg_config_alloc(1, sizeof(*load));

	load->config = config;
	load->mistakes = mistakes;
	load->documents = documents;
	load->document_count = document_count;
	take_steps(load);
	kg_load_fini(load);
	free(load);
}

void kg_config_load(struct kg_config *config, struct kg_mistakes *mistakes,
		    const char *const *paths, size_t path_count)
{
	struct kg_document *documents = kg_config_alloc(path_count, sizeof(*documents));

	*config = (struct kg_config){ 0 };
	kg_mistakes_init(mistakes);
	kg_documents_wipe();
	for (size_t i = 0; i < path_count; i++)
		documents[i] = kg_document_read(paths[i], mistakes);
	if (path_count)
		load_all(config, mistakes, documents, path_count);
	else
		kg_mistakes_error(mistakes, &(struct kg_place){ .file = "configuration" },
				  "no file");
	free(documents);
}

void kg_config_load_text(struct kg_config *config, struct kg_mistakes *mistakes, const char *name,
			 const char *text, size_t len)
{
	*config = (struct kg_config){ 0 };
	kg_mistakes_init(mistakes);
	kg_documents_wipe();
	struct kg_document document = { .file = name };

	document.root = kg_document_parse(name, text, len, mistakes);

	load_all(config, mistakes, &document, 1);
}
