/* SPDX-License-Identifier: BSD-3-Clause */
/* What --doctor finds on machines whose files are made up: one that has everything, and one after
 * the other that lacks something. */
#include "kcpgate/doctor/internal.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NIC   "/sys/bus/pci/devices/0000:03:00.0"
#define PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB"
#define NODES "/sys/devices/system/node"

static char root[] = "/tmp/kcpgate-test-XXXXXX";

static const char *config_text =
	"{ \"workers\": [%u], \"poll\": \"busy\", \"memory\": { \"mb\": 512 },"
	"  \"ports\": [ { \"name\": \"wan\", \"device\": \"%s\","
	"               \"addresses\": [\"198.18.0.2/24\"] } ],"
	"  \"tunnels\": [ { \"name\": \"home\", \"mode\": \"server\", \"kcp\": \"fast1\","
	"               \"listen_port\": 3000, \"destination_address\": \"127.0.0.1\","
	"               \"destination_port\": 22, \"encryption_algorithm\": \"none\" } ] }";

/* Files of the machine that has everything: a text, "" for a directory, "> " for a link. */
static const struct file {
	const char *path, *text;
} whole[] = {
	{ "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sse4_2 pclmulqdq aes avx2\nbugs\t:\n" },
	{ "/proc/self/mounts", "none /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n" },
	{ "/proc/self/limits", "Max locked memory         8388608      8388608      bytes\n" },
	{ "/proc/self/status", "Name:\tkcpgate\nCapEff:\t000001ffffffffff\n" },
	{ "/proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n" },
	{ "/proc/sys/net/ipv4/ip_local_reserved_ports", "\n" },
	{ "/sys/devices/system/cpu/isolated", "0-1023\n" },
	{ "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n" },
	{ PAGES "/free_hugepages", "256\n" },
	{ PAGES "/nr_hugepages", "256\n" },
	{ NODES "/node0/cpulist", "0-1023\n" },
	{ NODES "/node0/hugepages/hugepages-2048kB/free_hugepages", "256\n" },
	{ NIC "/driver", "> ../../../../bus/pci/drivers/vfio-pci" },
	{ NIC "/iommu_group/type", "DMA\n" },
	{ NIC "/numa_node", "0\n" },
	{ "/dev/net/tun", "\n" },
	{ "/dev/hugepages", "" },
};

/* What one machine has otherwise, or, as NULL, has not got; and what is found then. */
static const struct lack {
	struct file files[3];
	const char *name;
	enum kg_health health;
	const char *text, *mend;
} lacks[] = {
	{ { { "/proc/cpuinfo", "x\nflags\t: fpu aes pclmulqdq avx2\n" } },
	  "CPU flags",
	  KG_HEALTH_MISSING,
	  "no sse4_2",
	  "" },
	{ { { "/proc/cpuinfo", "x\nflags\t: fpu sse4_2 vaes pclmulqdq avx2\n" } },
	  "CPU flags",
	  KG_HEALTH_POOR,
	  "no aes",
	  "" },
	{ { { "/sys/devices/system/cpu/isolated", "1-1023\n" } },
	  "isolated CPUs",
	  KG_HEALTH_POOR,
	  "CPU 0",
	  "isolcpus=0" },
	{ { { PAGES "/free_hugepages", "100\n" } },
	  "hugepages",
	  KG_HEALTH_MISSING,
	  "512 MB of free hugepages are needed, 200 are there",
	  "echo 412 >/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" },
	{ { { "/proc/self/mounts", "proc /proc proc rw 0 0\n" } },
	  "hugetlbfs",
	  KG_HEALTH_MISSING,
	  "no hugetlbfs is mounted",
	  "mount -t hugetlbfs -o pagesize=2M none /dev/hugepages" },
	{ { { "/proc/self/mounts", "none /dev/hugepages hugetlbfs ro,pagesize=2M 0 0\n" } },
	  "hugetlbfs",
	  KG_HEALTH_MISSING,
	  "no hugetlbfs is mounted",
	  "mount" },
	{ { { "/proc/self/mounts", "none /dev/hugepages hugetlbfs rw,pagesize=1024M 0 0\n" } },
	  "hugetlbfs",
	  KG_HEALTH_MISSING,
	  "other sizes",
	  "pagesize=2M" },
	{ { { "/proc/self/status", "CapEff:\t0000000000003000\n" } },
	  "locked memory",
	  KG_HEALTH_MISSING,
	  "8388608 bytes may be locked, 512 MB are needed",
	  "ulimit -l unlimited" },
	{ { { "/proc/self/status", "CapEff:\t0000000000004000\n" } },
	  "permissions",
	  KG_HEALTH_MISSING,
	  "CAP_NET_ADMIN",
	  "systemctl start kcpgate" },
	{ { { "/dev/net/tun", NULL } },
	  "TUN",
	  KG_HEALTH_MISSING,
	  "no /dev/net/tun",
	  "modprobe tun" },
	{ { { NIC "/driver", "> ../../../../bus/pci/drivers/e1000e" } },
	  "port wan",
	  KG_HEALTH_MISSING,
	  "0000:03:00.0 is with e1000e",
	  "kcpgate-setup --nic 0000:03:00.0" },
	{ { { NIC "/driver", NULL } },
	  "port wan",
	  KG_HEALTH_MISSING,
	  "no driver",
	  "kcpgate-setup" },
	{ { { NIC "/iommu_group/type", NULL }, { NIC "/iommu_group", NULL } },
	  "port wan",
	  KG_HEALTH_MISSING,
	  "no IOMMU",
	  "enable_unsafe_noiommu_mode" },
	{ { { NODES "/node0/cpulist", "1023\n" },
	    { NODES "/node1/cpulist", "0-1022\n" },
	    { NIC "/numa_node", "1\n" } },
	  "NUMA",
	  KG_HEALTH_POOR,
	  "node 1, where the worker on CPU 0 is, has no free hugepages",
	  "/node1/hugepages" },
	{ { { NODES "/node1/cpulist", "1023\n" }, { NIC "/numa_node", "1\n" } },
	  "NUMA",
	  KG_HEALTH_POOR,
	  "port wan is on node 1, and the worker on CPU 0 on node 0",
	  "" },
	{ { { "/proc/sys/net/ipv4/ip_local_port_range", "50000\t50099\n" } },
	  "ephemeral ports",
	  KG_HEALTH_POOR,
	  "100: so many connections",
	  "ip_local_port_range" },
};

/* ---- machines ---- */

static void path_of(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s%s", root, name);
}

static void make_directories(char *path)
{
	for (char *at = strchr(path + strlen(root) + 1, '/'); at != NULL;
	     at = strchr(at + 1, '/')) {
		*at = '\0';
		assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
		*at = '/';
	}
}

static void put(const struct file *file)
{
	char path[PATH_MAX];
	FILE *to;

	path_of(path, file->path);
	remove(path);
	if (file->text == NULL)
		return;
	make_directories(path);
	if (file->text[0] == '\0') {
		assert_int_equal(mkdir(path, 0755), 0);
	} else if (strncmp(file->text, "> ", 2) == 0) {
		assert_int_equal(symlink(file->text + 2, path), 0);
	} else {
		to = fopen(path, "w");
		assert_non_null(to);
		fputs(file->text, to);
		fclose(to);
	}
}

static int drop(const char *path, const struct stat *what, int flag, struct FTW *at)
{
	return remove(path);
}

static int tear_down(void **state)
{
	return nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static int set_up(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	if (mkdtemp(root) == NULL)
		return -1;
	for (size_t i = 0; i < KG_ARRAY_SIZE(whole); i++)
		put(&whole[i]);
	return 0;
}

static void examine(struct kg_doctor *d, unsigned int worker, const char *device)
{
	struct kg_config config;
	struct kg_mistakes mistakes;
	char text[2048];

	snprintf(text, sizeof(text), config_text, worker, device);
	kg_config_load_text(&config, &mistakes, "test", text, strlen(text));
	kg_mistakes_print(&mistakes, stderr);
	assert_null(mistakes.errors);
	*d = (struct kg_doctor){ .config = &config, .root = root, .clock_synchronised = true };
	kg_doctor_examine(d);
	kg_mistakes_free(&mistakes);
	kg_config_free(&config);
}

/* The only one that is not good. */
static const struct kg_finding *fault(const struct kg_doctor *d)
{
	const struct kg_finding *found = NULL;

	for (unsigned int i = 0; i < d->count; i++) {
		if (d->findings[i].health == KG_HEALTH_GOOD)
			continue;
		if (found != NULL)
			fail_msg("%s: %s, and %s: %s", found->name, found->text,
				 d->findings[i].name, d->findings[i].text);
		found = &d->findings[i];
	}
	return found;
}

static void expect(const struct kg_doctor *d, const struct lack *lack)
{
	const struct kg_finding *found = fault(d);

	if (found == NULL)
		fail_msg("nothing is wrong without %s", lack->files[0].path);
	else if (strcmp(found->name, lack->name) != 0 || found->health != lack->health ||
		 strstr(found->text, lack->text) == NULL || strstr(found->mend, lack->mend) == NULL)
		fail_msg("%s, %s: %s (%s)", found->name, kg_health_name(found->health), found->text,
			 found->mend);
}

/* ---- tests ---- */

static void nothing_is_missing(void **state)
{
	struct kg_doctor d;

	examine(&d, 0, "0000:03:00.0");
	assert_null(fault(&d));
	assert_int_equal(kg_doctor_count(&d, KG_HEALTH_GOOD), d.count);
	assert_int_equal(d.count, 12);
}

static void each_lack_is_named(void **state)
{
	struct kg_doctor d;

	for (size_t i = 0; i < KG_ARRAY_SIZE(lacks); i++) {
		for (size_t f = 0; f < KG_ARRAY_SIZE(lacks[i].files); f++) {
			if (lacks[i].files[f].path != NULL)
				put(&lacks[i].files[f]);
		}
		examine(&d, 0, "0000:03:00.0");
		expect(&d, &lacks[i]);
		tear_down(state);
		assert_int_equal(set_up(state), 0);
	}
}

static void devices(void **state)
{
	static const struct lack pci = { { { "the device", NULL } },
					 "port wan",
					 KG_HEALTH_MISSING,
					 "no device 0000:04:00.1",
					 "--status-dev net" };
	static const struct lack interface = { { { "the interface", NULL } },
					       "port wan",
					       KG_HEALTH_MISSING,
					       "no interface absent0",
					       "ip -brief link" };
	static const struct lack xdp = { { { "the right", NULL } },
					 "permissions",
					 KG_HEALTH_MISSING,
					 "lacks CAP_SYS_ADMIN (AF_XDP)",
					 "" };
	static const struct file rights = { "/proc/self/status", "CapEff:\t0000000000003000\n" };
	struct kg_doctor d;

	examine(&d, 0, "04:00.1");
	expect(&d, &pci);
	examine(&d, 0, "net_af_packet0,iface=absent0");
	expect(&d, &interface);
	put(&rights);
	examine(&d, 0, "net_af_packet0,iface=lo");
	assert_null(fault(&d));
	examine(&d, 0, "net_af_xdp0,iface=lo");
	expect(&d, &xdp);
}

static void a_worker_without_its_cpu(void **state)
{
	static const struct lack cpu = {
		{ { "the CPU", NULL } }, "workers", KG_HEALTH_MISSING, "CPU 1023 is not there", ""
	};
	struct kg_doctor d;

	examine(&d, 1023, "0000:03:00.0");
	expect(&d, &cpu);
}

static void a_wrong_clock(void **state)
{
	struct kg_doctor d = { .config = &(const struct kg_config){ .worker_count = 0 },
			       .root = root };

	kg_doctor_check_surroundings(&d);
	assert_string_equal(fault(&d)->name, "clock");
	assert_int_equal(fault(&d)->health, KG_HEALTH_POOR);
}

static void a_journal_without_its_directory(void **state)
{
	struct kg_tunnel_config tunnel = { .name = "home", .log_path = "/absent/logs" };
	struct kg_doctor d = {
		.config = &(const struct kg_config){ .tunnels = &tunnel, .tunnel_count = 1 },
		.root = root,
	};

	kg_doctor_check_rights(&d);
	assert_string_equal(fault(&d)->text, "/absent/logs of home: No such file or directory");
	assert_string_equal(fault(&d)->mend, "mkdir -p /absent/logs");
}

static void a_box_that_runs_has_its_pages(void **state)
{
	static const struct file none = { PAGES "/free_hugepages", "0\n" };
	struct kg_doctor d = {
		.config = &(const struct kg_config){ .hugepages = true, .memory_mb = 512 },
		.root = root,
		.has_memory = true,
	};

	put(&none);
	kg_doctor_check_memory(&d);
	assert_int_equal(d.count, 0);
	d.has_memory = false;
	kg_doctor_check_memory(&d);
	assert_int_equal(kg_doctor_count(&d, KG_HEALTH_MISSING), 1);
}

static void too_many_findings(void **state)
{
	struct kg_doctor d = { 0 };

	for (unsigned int i = 0; i < KG_FINDINGS_MAX + 5; i++)
		kg_doctor_find(&d, "number", KG_HEALTH_MISSING, "%u", i);
	assert_int_equal(d.count, KG_FINDINGS_MAX);
	assert_string_equal(d.findings[KG_FINDINGS_MAX - 1].text, "132");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_missing),
		TEST(each_lack_is_named),
		TEST(devices),
		TEST(a_worker_without_its_cpu),
		TEST(a_wrong_clock),
		TEST(a_journal_without_its_directory),
		TEST(a_box_that_runs_has_its_pages),
		TEST(too_many_findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
