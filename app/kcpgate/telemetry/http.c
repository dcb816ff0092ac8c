/* SPDX-License-Identifier: BSD-3-Clause */
/* libmicrohttpd serves, on a thread of its own, from a socket of ours; it does not see the box. */
#include "telemetry/http.h"

#include "box.h"
#include "config/metrics.h"
#include "telemetry/openmetrics.h"

#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONNECTIONS_MAX 8u
#define SILENT_S        10u
#define OPENMETRICS     "application/openmetrics-text"

struct kg_telemetry_http {
	struct kg_box *box;
	struct MHD_Daemon *daemon;
	const char *path; /* of a UNIX socket; NULL: it is none */
};

/* ---- answers ---- */

static enum MHD_Result answer(struct MHD_Connection *c, unsigned int status, const char *type,
			      char *text, size_t len)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (response == NULL) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	result = MHD_queue_response(c, status, response);
	MHD_destroy_response(response);
	return result;
}

/* Tunnels stay while they are told. */
static enum MHD_Result answer_metrics(struct kg_box *box, struct MHD_Connection *c)
{
	const char *accept =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	bool open = accept != NULL && strstr(accept, OPENMETRICS) != NULL;
	size_t len = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &len);

	if (to == NULL)
		return MHD_NO;
	pthread_mutex_lock(&box->tunnels_lock);
	kg_openmetrics_write(box, open ? KG_EXPOSITION_OPENMETRICS : KG_EXPOSITION_PROMETHEUS, to);
	pthread_mutex_unlock(&box->tunnels_lock);
	if (fclose(to) != 0) {
		free(text);
		return MHD_NO;
	}
	return answer(c, MHD_HTTP_OK,
		      open ? OPENMETRICS "; version=1.0.0; charset=utf-8"
			   : "text/plain; version=0.0.4; charset=utf-8",
		      text, len);
}

static enum MHD_Result on_request(void *http, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_bytes, void **state)
{
	const struct kg_telemetry_http *h = http;
	bool get = strcmp(method, MHD_HTTP_METHOD_GET) == 0;

	if (*upload_bytes > 0) { /* nobody wants it */
		*upload_bytes = 0;
		return MHD_YES;
	}
	if (get && strcmp(url, "/metrics") == 0)
		return answer_metrics(h->box, c);
	return answer(c, get ? MHD_HTTP_NOT_FOUND : MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain",
		      strdup(""), 0);
}

/* ---- the socket ---- */

static int listen_unix(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	unlink(path); /* of a box that was killed */
	if (fd >= 0 && fchmod(fd, 0600) == 0 &&
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, CONNECTIONS_MAX) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static socklen_t to_sockaddr(const struct kg_endpoint *from, struct sockaddr_storage *to)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)to;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)to;

	*to = (struct sockaddr_storage){ 0 };
	if (from->ip.version == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(from->port);
		memcpy(&v4->sin_addr, from->ip.bytes, sizeof(v4->sin_addr));
		return sizeof(*v4);
	}
	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(from->port);
	memcpy(&v6->sin6_addr, from->ip.bytes, sizeof(v6->sin6_addr));
	return sizeof(*v6);
}

static int listen_loopback(const struct kg_endpoint *at)
{
	struct sockaddr_storage address;
	socklen_t len = to_sockaddr(at, &address);
	int on = 1, fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, CONNECTIONS_MAX) == 0)
		return fd;
	close(fd);
	return -1;
}

/* ---- life ---- */

struct kg_telemetry_http *kg_telemetry_http_create(struct kg_box *box, const char *place)
{
	struct kg_telemetry_http *h = calloc(1, sizeof(*h));
	struct kg_endpoint address;
	int fd = -1;

	if (h == NULL)
		return NULL;
	h->box = box;
	if (kg_metrics_place(place, &h->path, &address))
		fd = h->path != NULL ? listen_unix(h->path) : listen_loopback(&address);
	if (fd >= 0)
		h->daemon = MHD_start_daemon(
			MHD_USE_AUTO | MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, on_request,
			h, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
			CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, SILENT_S, MHD_OPTION_END);
	if (h->daemon != NULL)
		return h;
	if (fd >= 0)
		close(fd);
	free(h);
	return NULL;
}

void kg_telemetry_http_destroy(struct kg_telemetry_http *h)
{
	if (h == NULL)
		return;
	MHD_stop_daemon(h->daemon); /* closes the socket, too */
	if (h->path != NULL)
		unlink(h->path);
	free(h);
}
