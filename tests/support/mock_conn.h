/*
 * Connections of mockllm, for the files that serve them.
 *
 * A connection is in one of these states:
 *
 *	HANDSHAKE	TLS
 *	READ		waits for a request, or has a part of one
 *	WAIT		the reply is ready and its latency runs
 *	WRITE		the reply goes out as fast as the client takes it
 *	DRIP		the same, a few bytes at a time
 *	HANG		no reply will come
 *	LINGER		the last reply is out; what still comes is thrown away
 */
#ifndef MOCK_CONN_H
#define MOCK_CONN_H

#include "mock.h"

#include <sys/types.h>

#ifdef HAVE_SSL
#include <openssl/ssl.h>
#endif

#define READ_BYTES 65536

enum conn_state { HANDSHAKE, READ, WAIT, WRITE, DRIP, HANG, LINGER };

struct server;

struct conn {
	struct server *s;
	int fd;				/* -1: closed, to be freed */
	enum conn_state state;
	uint32_t events;		/* what epoll watches for */
	int64_t number, served;
	bool keep, counted, told_to_go_on;
	struct http_request request;
	struct exchange x;
	struct text in;			/* left over from reading */
	struct text out;
	size_t sent, body_at;
	int64_t due_us;
	size_t heap_at;			/* 1 and up; 0: no deadline */
	struct conn *prev, *next;	/* of all that are open */
#ifdef HAVE_SSL
	SSL *ssl;
#endif
};

struct server {
	const struct options *o;
	struct book *book;
	int epoll, listener, timer, signals;
	bool listening;
	char buf[READ_BYTES];
	struct conn **heap;		/* from 1 on */
	size_t heap_len, heap_cap;
	int64_t armed_us;
	struct conn *open, *dead;
#ifdef HAVE_SSL
	SSL_CTX *tls;
#endif
};

/* Deadlines, in microseconds of now_us(); a connection has one at most. */
void	deadline_on(struct conn *c, int64_t due_us);
void	deadline_off(struct conn *c);
int64_t	in_ms(double ms);

/* Have the timer go off at the first of them. */
void	arm_timer(struct server *s);

/* Tell epoll what to look for, and whether to take more connections. */
void	watch(struct conn *c, uint32_t events);
void	listen_for_more(struct server *s, bool more);

void	conn_add(struct server *s, int fd);

/* Go on with the handshake of TLS; true when it is done. */
bool	conn_handshake(struct conn *c);

/* Bytes; 0: none for now; -1: the end, or an error. */
ssize_t	conn_recv(struct conn *c, void *p, size_t n);
ssize_t	conn_send(struct conn *c, const void *p, size_t n);

/* `reset`: with a RST instead of a FIN. It is freed by conn_free_dead(). */
void	conn_close(struct conn *c, bool reset);
void	conn_free_dead(struct server *s);

/* The request is over, one way or the other; `sent`: all of its reply. */
void	end_exchange(struct conn *c, bool sent);

/* ---- mock_serve.c ---- */

/* There is something to read, or room to write, or the deadline has come. */
void	serve_readable(struct conn *c);
void	serve_writable(struct conn *c);
void	serve_deadline(struct conn *c);

#endif
