/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that are odd, broken or hostile: each makes the right tunnel, or errors with their lines.
 */
#include "import_fixture.h"

#define TUNNEL                                   \
	"'mode': 'client', 'listen_port': 6000," \
	" 'destination_port': 3000, 'destination_address': '198.18.0.2'"
#define LONG_CHARS 100000
#define SECTIONS                                                                           \
	"unknown section; allowed [listener] and [forwarder] of a relay, [custom_input], " \
	"[custom_input_tcp] and [custom_input_udp] of a client\n"
#define ABSENT                                                                             \
	IMPORT_FILE ": mode: missing\n" IMPORT_FILE ": listen_port: missing\n" IMPORT_FILE \
		    ": destination_port: missing\n" IMPORT_FILE ": destination_address: missing\n"

static void odd_files(void **state)
{
	static const struct good cases[] = {
		{ "\xef\xbb\xbf" CLIENT, "{" TUNNEL "}",
		  AT "1: warning: KCPTube takes the byte order mark for a part of the first key; "
		     "it is passed over here\n" },
		{ "mode=client\r\nlisten_port=6000\r\ndestination_port=3000\r\n"
		  "destination_address=198.18.0.2\r\n",
		  "{" TUNNEL "}", "" },
		/* no line feed at the end, white space of all sorts, capitals, comments */
		{ "\n \t\v\f\r\n#mode=server\n  # kcp=fast9\n MODE\t=  Client \nListen_Port = 6000"
		  "\n\tdestination_port=3000\ndestination_address=198.18.0.2",
		  "{'mode': 'Client', 'listen_port': 6000, 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2'}",
		  "" },
		/* empty values say nothing, whatever the key */
		{ CLIENT "kcp=\nnonsense = \n=\n= \n[nowhere]=\n", "{" TUNNEL "}", "" },
		{ CLIENT "listen_port=6001\nlisten_port=\n",
		  "{'mode': 'client', 'listen_port': 6001, 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2'}",
		  AT "5: listen_port: warning: takes the place of line 2\n" },
		/* values with signs of the grammar in them */
		{ CLIENT "encryption_algorithm=AES-GCM\nencryption_password = [a=b] # c = \n",
		  "{" TUNNEL ", 'encryption_algorithm': 'AES-GCM',"
		  " 'encryption_password': '[a=b] # c ='}",
		  "" },
		{ CLIENT "encryption_algorithm=AES-GCM\nencryption_password=a->b\n",
		  "{" TUNNEL ", 'encryption_algorithm': 'AES-GCM', 'encryption_password': 'a->b'}",
		  AT "6: encryption_password: warning: KCPTube refuses a value with -> in it; "
		     "taken as it stands\n" },
		{ CLIENT
		  "encryption_algorithm=AES-GCM\nencryption_password=\xe5\xaf\x86\xe7\xa0\x81\n",
		  "{" TUNNEL ", 'encryption_algorithm': 'AES-GCM',"
		  " 'encryption_password': '\xe5\xaf\x86\xe7\xa0\x81'}",
		  "" },
		{ "mode=client\n[custom_input]=x\nlisten_port={}\ndestination_port=3000\n"
		  "destination_address=198.18.0.2\n:1->a.b:2\n",
		  "{'mode': 'client', 'listen_port': '{}', 'destination_port': 3000,"
		  " 'destination_address': '198.18.0.2',"
		  " 'custom_input': [{'local': ':1', 'remote': 'a.b:2'}]}",
		  "" },
	};

	expect_imports(cases, KG_ARRAY_SIZE(cases));
}

static void lines_that_are_wrong(void **state)
{
	static const struct refused cases[] = {
		{ "", ABSENT },
		{ "\n\n# nothing\n", ABSENT },
		{ CLIENT "kcp_mut=3\nzzzzzzzz=4\nfse=3:2\npmtu=auto\n",
		  AT "5: unknown key \"kcp_mut\"; did you mean \"kcp_mtu\"?\n" AT
		     "6: unknown key \"zzzzzzzz\"\n" AT "7: unknown key \"fse\"\n" AT
		     "8: unknown key \"pmtu\"\n" },
		/* a forgotten '=' may come before a password: nothing of the line is shown */
		{ CLIENT "kcp fast1\nencryption_password qwerty\n",
		  AT "5: neither \"key = value\" nor a section nor a mapping\n" AT
		     "6: neither \"key = value\" nor a section nor a mapping\n" },
		{ CLIENT "\x1b[2J=1\n", AT "5: unknown key \"?[2J\"\n" },
		{ CLIENT "[listener]\nkcp=fast1\n[nowhere]\n[ custom_input ]\n[x\n",
		  AT "5: found [listener]; allowed with mode relay\n" AT "7: " SECTIONS AT
		     "8: " SECTIONS AT "9: neither \"key = value\" nor a section nor a mapping\n" },
		{ CLIENT ":80 -> 127.0.0.1:80\n127.0.0.1:80 -> a=b\n",
		  AT "5: found a mapping; allowed in [custom_input], [custom_input_tcp] and "
		     "[custom_input_udp]\n" AT
		     "6: found a mapping; allowed in [custom_input], [custom_input_tcp] and "
		     "[custom_input_udp]\n" },
		{ CLIENT "encryption_algorithm=AES-GCM\nencryption_password=\xff\xfe\n",
		  AT "6: encryption_password: found bytes that are no UTF-8, which JSON cannot "
		     "have\n" },
		{ CLIENT "[custom_input]\n:80 -> \xff:80\n",
		  AT "6: custom_input: found bytes that are no UTF-8, which JSON cannot have\n" },
		/* the line ends of old Macs */
		{ "mode=client\rlisten_port=6000\r", AT
		  "1: mode: found \"client\\rlisten_port=6000\"; allowed client, server, "
		  "relay\n" IMPORT_FILE ": listen_port: missing\n" IMPORT_FILE
		  ": destination_port: missing\n" IMPORT_FILE ": destination_address: missing\n" },
	};

	expect_refused(cases, KG_ARRAY_SIZE(cases));
}

static void modes(void **state)
{
	static const struct refused cases[] = {
		{ "listen_port=3000\nlisten_on=::\ndestination_port=3\ndestination_address=::1\n",
		  IMPORT_FILE ": mode: missing\n" },
		{ CLIENT "mode=server\n[custom_input]\nmode=client\n",
		  AT "5: mode: found again; line 1 has it already\n" AT
		     "7: mode: found again; line 1 has it already\n" },
		{ "mode=clint\nlisten_port=6000\ndestination_port=3000\n"
		  "destination_address=198.18.0.2\n[listener]\n",
		  AT "1: mode: found \"clint\"; allowed client, server, relay\n" },
		/* of words that KCPTube takes for others with the same hash, none is taken */
		{ CLIENT "encryption_algorithm=bbq\n",
		  AT "5: encryption_algorithm: found \"bbq\"; allowed AES-GCM, AES-OCB, chacha20, "
		     "xchacha20, XOR, none\n" },
	};

	expect_refused(cases, KG_ARRAY_SIZE(cases));
}

/* ---- bytes that no text of C can have ---- */

#define BYTES(text) text, sizeof(text) - 1

static const struct {
	const char *text;
	size_t len;
	const char *said;
} zeros[] = {
	{ BYTES(CLIENT "kcp=fa\0st1\n# com\0ment\nfec=3:2\0\n\0kcp=fast1\n"),
	  AT "5: has bytes of 0; allowed a text in UTF-8\n" AT
	     "7: has bytes of 0; allowed a text in UTF-8\n" AT
	     "8: has bytes of 0; allowed a text in UTF-8\n" },
	/* UTF-16 */
	{ BYTES("\xff\xfem\0o\0d\0e\0=\0c\0l\0i\0e\0n\0t\0\n\0"),
	  AT "1: has bytes of 0; allowed a text in UTF-8\n" AT
	     "2: has bytes of 0; allowed a text in UTF-8\n" ABSENT },
	{ BYTES("\0"), AT "1: has bytes of 0; allowed a text in UTF-8\n" ABSENT },
};

static void bytes_of_zero(void **state)
{
	for (size_t i = 0; i < KG_ARRAY_SIZE(zeros); i++) {
		struct imported result = import_bytes(IMPORT_FILE, zeros[i].text, zeros[i].len);

		assert_null(result.document);
		expect_said(&result, zeros[i].said);
		forget(&result);
	}
}

/* ---- long ones ---- */

/* The client, and a line of so many letters between two texts. */
static struct imported import_long(const char *before, const char *after)
{
	size_t room = strlen(CLIENT) + strlen(before) + LONG_CHARS + strlen(after) + 1;
	char *text = malloc(room), *at = stpcpy(stpcpy(text, CLIENT), before);
	struct imported result;

	memset(at, 'x', LONG_CHARS);
	strcpy(at + LONG_CHARS, after);
	result = import_text(text);
	free(text);
	return result;
}

static void long_lines(void **state)
{
	struct imported result = import_long("", "=1\n");

	expect_said(&result, AT "5: unknown key \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"\n");
	forget(&result);
	result = import_long("destination_address=", "\n");
	assert_null(result.document);
	assert_string_equal(result.mistakes.errors->where, AT "5: destination_address");
	assert_null(result.mistakes.errors->next);
	forget(&result);
	result = import_long("encryption_algorithm=AES-GCM\nencryption_password=", "\n");
	assert_non_null(result.document);
	assert_int_equal(json_string_length(json_object_get(
				 json_array_get(json_object_get(result.document, "tunnels"), 0),
				 "encryption_password")),
			 LONG_CHARS);
	expect_filled(result.document);
	forget(&result);
}

/* Nobody reads a thousand complaints. */
static void what_is_no_configuration_at_all(void **state)
{
	char text[4096] = "";
	struct imported result;
	const struct kg_mistake *last;

	for (int i = 0; i < 1000; i++)
		strcat(text, "x=1\n");
	result = import_text(text);
	assert_null(result.document);
	last = result.mistakes.errors;
	for (int i = 0; i < 100; i++)
		last = last->next;
	assert_string_equal(last->where, AT "100");
	assert_string_equal(last->text, "too much is wrong; what follows has not been read");
	forget(&result);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(odd_files),  cmocka_unit_test(lines_that_are_wrong),
		cmocka_unit_test(modes),      cmocka_unit_test(bytes_of_zero),
		cmocka_unit_test(long_lines), cmocka_unit_test(what_is_no_configuration_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
