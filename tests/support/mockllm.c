/* mockllm.c - a deterministic mock of two LLM HTTP APIs, for tests and benchmarks.
 *
 *   POST {any prefix}/chat/completions      OpenAI chat completions
 *   POST /model/{id}/converse               Bedrock Converse
 *   GET  {any prefix}/models                OpenAI model list
 *   GET  /__stats  POST /__reset            counters
 *   GET  /__health
 *
 * One thread = one epoll set + one timerfd driving a binary heap of deadlines.
 * The reply text, the token usage, the latency jitter and every injected fault
 * are functions of (seed, prompt, attempt number for this prompt) and never of
 * arrival order, so a run's totals are the same at any concurrency.
 *
 * C11 + Linux, no library, OpenSSL for TLS.
 */
#include <config.h>
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#ifdef HAVE_SSL
#include <openssl/err.h>
#include <openssl/ssl.h>
#endif

/* ------------------------------------------------------------ options --- */
enum fault { F_NONE, F_429, F_500, F_503, F_RESET, F_RESET_MID, F_TRUNCATE,
             F_DRIP, F_HANG, F_GARBAGE, F_EMPTY, F_CLOSE, F_NFAULT };
static const char *fault_name[F_NFAULT] = { "none", "429", "500", "503", "reset",
    "reset_mid", "truncate", "drip", "hang", "garbage", "empty", "close" };

enum reply { R_TEXT, R_JSON, R_FENCED, R_ECHO };

static struct {
    const char *host, *unix_path, *cert, *key, *log, *port_file, *auth;
    int port, threads, backlog;
    double latency_ms, jitter_ms, tail_p, tail_ms;
    long bytes;                      /* reply text size */
    int reply;
    uint64_t seed;
    double p[F_NFAULT];              /* probability of each fault */
    int retry_after;                 /* seconds, on 429 / 503 */
    long drip_bytes; double drip_ms;
    double limit_rps; long limit_inflight;
    int fail_first;                  /* every prompt fails its first N attempts */
    int fail_first_kind;
    long max_requests_per_conn;
    bool no_track, quiet;
} opt = { .host = "127.0.0.1", .port = 8089, .threads = 1, .backlog = 4096,
          .bytes = 1200, .seed = 1, .retry_after = 1, .drip_bytes = 64,
          .drip_ms = 50, .fail_first_kind = F_429 };

/* ------------------------------------------------------------ counters -- */
static struct {
    _Atomic uint64_t conns, conns_open, conns_peak, requests, openai, converse, other,
        inflight, inflight_peak, ok, bytes_in, bytes_out, client_aborts, bad_request,
        unauthorized, rate_limited, prompt_tokens, completion_tokens, retries,
        repeats_after_ok, unique_prompts, tls_handshakes, tls_resumed, keepalive_reuse;
    _Atomic uint64_t fault[F_NFAULT];
    _Atomic int64_t t_first_us, t_last_us;
} st;

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
static void peak(_Atomic uint64_t *p, uint64_t v)
{
    uint64_t o = atomic_load_explicit(p, memory_order_relaxed);
    while (v > o && !atomic_compare_exchange_weak(p, &o, v)) { }
}
#define INC(f) atomic_fetch_add_explicit(&st.f, 1, memory_order_relaxed)
#define ADD(f, n) atomic_fetch_add_explicit(&st.f, (uint64_t)(n), memory_order_relaxed)
#define DEC(f) atomic_fetch_sub_explicit(&st.f, 1, memory_order_relaxed)

/* ------------------------------------------------------------ hashing --- */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}
static double unit(uint64_t x) { return (double)(mix(x) >> 11) * 0x1.0p-53; }

/* attempts and successes per prompt: open addressing, one lock */
static struct { uint64_t *key; uint32_t *att, *ok; size_t cap, n; pthread_mutex_t mu; } tab =
    { .mu = PTHREAD_MUTEX_INITIALIZER };

static size_t tab_find(uint64_t k)
{
    if ((tab.n + 1) * 2 > tab.cap) {
        size_t oc = tab.cap, nc = oc ? oc * 2 : 4096;
        uint64_t *ok_ = tab.key; uint32_t *oa = tab.att, *oo = tab.ok;
        tab.key = calloc(nc, 8); tab.att = calloc(nc, 4); tab.ok = calloc(nc, 4);
        if (!tab.key || !tab.att || !tab.ok) abort();
        tab.cap = nc;
        for (size_t i = 0; i < oc; i++)
            if (ok_[i]) {
                size_t j = mix(ok_[i]) & (nc - 1);
                while (tab.key[j]) j = (j + 1) & (nc - 1);
                tab.key[j] = ok_[i]; tab.att[j] = oa[i]; tab.ok[j] = oo[i];
            }
        free(ok_); free(oa); free(oo);
    }
    if (!k) k = 1;
    size_t j = mix(k) & (tab.cap - 1);
    while (tab.key[j] && tab.key[j] != k) j = (j + 1) & (tab.cap - 1);
    if (!tab.key[j]) { tab.key[j] = k; tab.n++; INC(unique_prompts); }
    return j;
}
static uint32_t tab_attempt(uint64_t k)
{
    if (opt.no_track) return 0;
    pthread_mutex_lock(&tab.mu);
    size_t j = tab_find(k);
    uint32_t a = tab.att[j]++;
    if (tab.ok[j]) INC(repeats_after_ok);
    else if (a) INC(retries);
    pthread_mutex_unlock(&tab.mu);
    return a;
}
static void tab_success(uint64_t k)
{
    if (opt.no_track) return;
    pthread_mutex_lock(&tab.mu);
    size_t j = tab_find(k);          /* may move the arrays */
    tab.ok[j]++;
    pthread_mutex_unlock(&tab.mu);
}

/* ------------------------------------------------------------ buffers --- */
struct buf { char *p; size_t n, cap; };
static void need(struct buf *b, size_t k)
{
    if (b->cap - b->n >= k) return;
    size_t c = b->cap ? b->cap : 2048;
    while (c - b->n < k) c *= 2;
    if (!(b->p = realloc(b->p, c))) abort();
    b->cap = c;
}
static void put(struct buf *b, const void *s, size_t n) { need(b, n); memcpy(b->p + b->n, s, n); b->n += n; }
static void puts_(struct buf *b, const char *s) { put(b, s, strlen(s)); }
__attribute__((format(printf, 2, 3)))
static void putf(struct buf *b, const char *f, ...)
{
    va_list ap;
    need(b, 512);
    va_start(ap, f);
    int n = vsnprintf(b->p + b->n, b->cap - b->n, f, ap);
    va_end(ap);
    if ((size_t)n >= b->cap - b->n) {
        need(b, (size_t)n + 1);
        va_start(ap, f);
        n = vsnprintf(b->p + b->n, b->cap - b->n, f, ap);
        va_end(ap);
    }
    b->n += (size_t)n;
}
/* eight bytes at a time: does this word hold a quote, a backslash or (if ctl) a control byte? */
#define ONES 0x0101010101010101ULL
static bool special(uint64_t w, bool ctl)
{
    uint64_t q = w ^ (ONES * '"'), s = w ^ (ONES * '\\');
    uint64_t m = ((q - ONES) & ~q) | ((s - ONES) & ~s);
    if (ctl) m |= (w - ONES * 32) & ~w;
    return (m & (ONES << 7)) != 0;
}
static void put_json(struct buf *b, const char *s, size_t n)   /* escaped, no quotes */
{
    need(b, n * 6 + 1);
    char *o = b->p + b->n;
    for (size_t i = 0; i < n; i++) {
        uint64_t w;
        while (n - i > 8 && (memcpy(&w, s + i, 8), !special(w, true))) { memcpy(o, &w, 8); o += 8; i += 8; }
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\') { *o++ = '\\'; *o++ = (char)c; }
        else if (c == '\n') { *o++ = '\\'; *o++ = 'n'; }
        else if (c < 32) o += sprintf(o, "\\u%04x", c);
        else *o++ = (char)c;
    }
    b->n = (size_t)(o - b->p);
}

/* ------------------------------------------------------ request parsing - */
struct req {
    int api;                         /* 0 other, 1 OpenAI, 2 Converse */
    char method[8], path[256], model[128];
    bool keep, chunked, expect, auth_ok;
    size_t head_len, body_len;
    const char *body;
    uint64_t hash; size_t prompt_bytes;
    long max_tokens;
    /* from a [[mock ...]] directive in the prompt */
    long d_bytes, d_times; double d_latency; int d_fault, d_retry, d_reply;
    const char *last_text; size_t last_text_n;   /* raw (still escaped) */
};

static const char *skip_str(const char *p, const char *e, bool *esc)   /* p after the quote */
{
    *esc = false;
    for (;;) {
        uint64_t w;
        while (e - p >= 8 && (memcpy(&w, p, 8), !special(w, false))) p += 8;
        if (p >= e || *p == '"') return p < e ? p : e;
        if (*p == '\\') { *esc = true; p += 2; } else p++;
    }
}
/* the text of a JSON string, escapes decoded, so that "\u00e9" and a raw e-acute agree */
static size_t decode(char *o, const char *p, const char *e)
{
    char *o0 = o;
    while (p < e) {
        unsigned c = (unsigned char)*p++;
        if (c != '\\' || p >= e) { *o++ = (char)c; continue; }
        c = (unsigned char)*p++;
        switch (c) {
        case 'n': *o++ = '\n'; break; case 't': *o++ = '\t'; break; case 'r': *o++ = '\r'; break;
        case 'b': *o++ = '\b'; break; case 'f': *o++ = '\f'; break;
        case 'u': {
            unsigned u = 0, lo = 0;
            if (e - p < 4 || sscanf(p, "%4x", &u) != 1) break;
            p += 4;
            if (u >= 0xd800 && u < 0xdc00 && e - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
                sscanf(p + 2, "%4x", &lo) == 1 && lo >= 0xdc00 && lo < 0xe000) {
                u = 0x10000 + ((u - 0xd800) << 10) + (lo - 0xdc00);
                p += 6;
            }
            if (u < 0x80) *o++ = (char)u;
            else if (u < 0x800) { *o++ = (char)(0xc0 | u >> 6); *o++ = (char)(0x80 | (u & 63)); }
            else if (u < 0x10000) { *o++ = (char)(0xe0 | u >> 12); *o++ = (char)(0x80 | (u >> 6 & 63)); *o++ = (char)(0x80 | (u & 63)); }
            else { *o++ = (char)(0xf0 | u >> 18); *o++ = (char)(0x80 | (u >> 12 & 63)); *o++ = (char)(0x80 | (u >> 6 & 63)); *o++ = (char)(0x80 | (u & 63)); }
            break;
        }
        default: *o++ = (char)c;
        }
    }
    return (size_t)(o - o0);
}
static uint64_t hash_bytes(uint64_t h, const char *p, size_t n)
{
    uint64_t w;
    h ^= n * 0x9e3779b97f4a7c15ULL;
    for (; n >= 8; n -= 8, p += 8) { memcpy(&w, p, 8); h = (h ^ w) * 0xff51afd7ed558ccdULL; h ^= h >> 32; }
    if (n) { w = 0; memcpy(&w, p, n); h = (h ^ w) * 0xff51afd7ed558ccdULL; h ^= h >> 32; }
    return h;
}
static int fault_from(const char *s, size_t n)
{
    for (int i = 0; i < F_NFAULT; i++)
        if (strlen(fault_name[i]) == n && !strncmp(fault_name[i], s, n)) return i;
    return -1;
}
static int reply_from(const char *s)
{
    return !strncmp(s, "json", 4) ? R_JSON : !strncmp(s, "fenced", 6) ? R_FENCED
         : !strncmp(s, "echo", 4) ? R_ECHO : R_TEXT;
}
static bool scan_body(struct req *r)
{
    const char *p = r->body, *e = p + r->body_len;
    uint64_t h = 0xcbf29ce484222325ULL ^ mix(opt.seed);
    bool found = false;
    r->max_tokens = -1;
    while (p < e && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
    if (p == e || *p != '{') return false;
    while (p < e) {
        if (*p++ != '"') continue;
        bool esc; const char *k = p, *ke = skip_str(p, e, &esc);
        p = ke + 1;
        while (p < e && (*p == ' ' || *p == '\n')) p++;
        if (p >= e || *p != ':') continue;          /* a value, not a key */
        p++;
        while (p < e && (*p == ' ' || *p == '\n')) p++;
        if (p >= e) break;
        size_t kn = (size_t)(ke - k);
#define KEY(s) (kn == sizeof s - 1 && !memcmp(k, s, sizeof s - 1))
        if (*p == '"') {
            const char *v = p + 1, *ve = skip_str(v, e, &esc);
            p = ve + 1;
            if (KEY("content") || KEY("text") || KEY("system")) {
                static _Thread_local struct buf dec;
                size_t dn = (size_t)(ve - v);
                const char *d = v;
                if (esc) { dec.n = 0; need(&dec, dn + 8); dn = decode(dec.p, v, ve); d = dec.p; }
                h = hash_bytes(h, d, dn);
                r->prompt_bytes += dn;
                r->last_text = v; r->last_text_n = (size_t)(ve - v);
                found = true;
            } else if (KEY("model")) {
                size_t n = (size_t)(ve - v);
                if (n >= sizeof r->model) n = sizeof r->model - 1;
                memcpy(r->model, v, n); r->model[n] = 0;
            }
        } else if (KEY("max_tokens") || KEY("maxTokens") || KEY("max_completion_tokens"))
            r->max_tokens = strtol(p, NULL, 10);
        else if (KEY("seed"))
            h = mix(h ^ strtoull(p, NULL, 10));
    }
    r->hash = mix(h);
    const char *d = memmem(r->body, r->body_len, "[[mock ", 7);
    if (d) {
        const char *de = memmem(d, (size_t)(e - d), "]]", 2);
        for (d += 7; de && d < de; ) {
            while (d < de && *d == ' ') d++;
            if (!strncmp(d, "latency=", 8)) r->d_latency = strtod(d + 8, NULL);
            else if (!strncmp(d, "bytes=", 6)) r->d_bytes = strtol(d + 6, NULL, 10);
            else if (!strncmp(d, "times=", 6)) r->d_times = strtol(d + 6, NULL, 10);
            else if (!strncmp(d, "retry_after=", 12)) r->d_retry = atoi(d + 12);
            else if (!strncmp(d, "reply=", 6)) r->d_reply = reply_from(d + 6);
            else if (!strncmp(d, "fault=", 6)) {
                size_t n = strcspn(d + 6, " ]");
                r->d_fault = fault_from(d + 6, n);
            }
            while (d < de && *d != ' ') d++;
        }
    }
    return found && e[-1] != ',';
}

/* returns 1 complete, 0 need more, -1 bad */
static int parse(struct req *r, char *p, size_t n)
{
    char *he = memmem(p, n, "\r\n\r\n", 4);
    if (!he) return n > 65536 ? -1 : 0;
    memset(r, 0, sizeof *r);
    r->d_latency = -1; r->d_fault = -1; r->d_bytes = -1; r->d_reply = -1; r->d_retry = -1;
    r->d_times = -1;
    r->head_len = (size_t)(he - p) + 4;
    char *sp = memchr(p, ' ', r->head_len);
    if (!sp || sp - p >= (long)sizeof r->method) return -1;
    memcpy(r->method, p, (size_t)(sp - p));
    char *sp2 = memchr(sp + 1, ' ', (size_t)(he - sp));
    if (!sp2) return -1;
    size_t pn = (size_t)(sp2 - sp - 1);
    if (pn >= sizeof r->path) pn = sizeof r->path - 1;
    memcpy(r->path, sp + 1, pn);
    r->keep = sp2[8] == '1';                       /* HTTP/1.1 */
    r->auth_ok = !opt.auth;
    unsigned long long cl = 0;
    for (char *l = memchr(sp2, '\n', (size_t)(he - sp2) + 2); l && l < he; l = memchr(l, '\n', (size_t)(he + 2 - l))) {
        l++;
        if (!strncasecmp(l, "content-length:", 15)) cl = strtoull(l + 15, NULL, 10);
        else if (!strncasecmp(l, "transfer-encoding:", 18)) r->chunked = true;
        else if (!strncasecmp(l, "expect:", 7)) r->expect = true;
        else if (!strncasecmp(l, "connection:", 11)) {
            char *v = l + 11; while (*v == ' ') v++;
            if (!strncasecmp(v, "close", 5)) r->keep = false;
            else if (!strncasecmp(v, "keep-alive", 10)) r->keep = true;
        } else if (opt.auth && !strncasecmp(l, "authorization:", 14)) {
            char *v = l + 14; while (*v == ' ') v++;
            size_t an = strlen(opt.auth);
            r->auth_ok = (!strncmp(v, "Bearer ", 7) && !strncmp(v + 7, opt.auth, an) && v[7 + an] == '\r')
                || !strncmp(v, "AWS4-HMAC-SHA256 ", 17);
        }
    }
    if (r->chunked) {               /* decode in place once it is whole */
        char *q = p + r->head_len, *e = p + n, *o = q;
        char *t = q;
        for (;;) {                  /* first pass: is it whole? */
            char *nl = memmem(t, (size_t)(e - t), "\r\n", 2);
            if (!nl) return 0;
            unsigned long k = strtoul(t, NULL, 16);
            if (k > 1u << 30) return -1;
            t = nl + 2;
            if ((size_t)(e - t) < k + 2) return 0;
            t += k + 2;
            if (!k) break;
        }
        size_t raw = (size_t)(t - q);
        for (t = q;;) {
            unsigned long k = strtoul(t, NULL, 16);
            t = (char *)memmem(t, (size_t)(e - t), "\r\n", 2) + 2;
            if (!k) break;
            memmove(o, t, k); o += k; t += k + 2;
        }
        r->body = q; r->body_len = (size_t)(o - q);
        r->head_len += raw - r->body_len;          /* so head+body = bytes consumed */
        return 1;
    }
    if (cl > 1u << 30) return -1;
    r->body = p + r->head_len; r->body_len = (size_t)cl;
    return n - r->head_len >= cl;
}

/* -------------------------------------------------------- reply content - */
static const char word[64][8] = { "time","value","local","system","water","paper","green","number",
    "small","people","light","under","simple","course","order","found","measure","river","letter",
    "state","between","memory","pattern","signal","market","garden","winter","answer","history",
    "window","method","result","silver","travel","engine","forest","reason","second","circle",
    "bridge","camera","planet","record","moment","stream","island","copper","detail","figure",
    "harbor","border","center","custom","degree","effect","factor","ground","income","leader",
    "matter","nature","office","public","region" };
static uint8_t word_len[64];

static void make_text(struct buf *b, uint64_t h, size_t want)
{
    size_t start = b->n; int in_sentence = 0;
    need(b, want + 64);
    while (b->n - start < want) {
        h = mix(h);
        for (int i = 0; i < 10 && b->n - start < want; i++) {
            unsigned w = (h >> (i * 6)) & 63;
            char *o = b->p + b->n;
            memcpy(o, word[w], 8);
            if (!in_sentence) *o = (char)toupper((unsigned char)*o);
            o += word_len[w];
            if (++in_sentence > 6 && !(w & 3)) {
                *o++ = '.'; in_sentence = 0;
                if ((w & 60) == 0) *o++ = '\n'; else *o++ = ' ';
            } else *o++ = ' ';
            b->n = (size_t)(o - b->p);
        }
    }
    b->n = start + want;
    if (want) b->p[b->n - 1] = '.';
}
static void make_content(struct buf *b, const struct req *r, size_t want)
{
    int kind = r->d_reply >= 0 ? r->d_reply : opt.reply;
    uint64_t h = r->hash;
    if (kind == R_TEXT) { make_text(b, h, want); return; }
    if (kind == R_ECHO) { put(b, r->last_text, r->last_text_n); return; }
    if (kind == R_FENCED) puts_(b, "Here is the result.\n```json\n");
    putf(b, "{\"id\": \"%016" PRIx64 "\", \"score\": %.4f, \"label\": \"%s\", \"tags\": [\"%s\", \"%s\"], \"text\": \"",
         h, unit(h), word[h & 63], word[h >> 6 & 63], word[h >> 12 & 63]);
    size_t s = b->n;
    make_text(b, h, want);
    for (; s < b->n; s++) if (b->p[s] == '\n') b->p[s] = ' ';
    puts_(b, "\"}");
    if (kind == R_FENCED) puts_(b, "\n```\n");
}

/* ------------------------------------------------------------ connection  */
enum state { S_HANDSHAKE, S_READ, S_WAIT, S_WRITE, S_DRIP, S_HANG };
struct loop;
struct conn {
    int fd; enum state s; struct loop *l;
    struct buf in, out; size_t sent;
    int64_t due; int heap_i;          /* -1: no timer */
    enum fault fault; bool keep, counted; uint64_t hash; uint32_t attempt; int status, api;
    size_t body_at; long served; size_t consumed; int64_t t0;
    uint32_t ev; struct conn *next_dead;
#ifdef HAVE_SSL
    SSL *ssl;
#endif
};
struct loop {
    int ep, lfd, tfd; pthread_t th; int64_t armed;
    struct conn **heap; size_t hn, hcap;
    struct buf scratch;
    struct conn *dead;                /* freed after the epoll batch */
};
static FILE *logf_; static pthread_mutex_t log_mu = PTHREAD_MUTEX_INITIALIZER;
#ifdef HAVE_SSL
static SSL_CTX *ctx;
#endif

static void heap_set(struct loop *l, size_t i, struct conn *c) { l->heap[i] = c; c->heap_i = (int)i; }
static void heap_fix(struct loop *l, size_t i)
{
    struct conn *c = l->heap[i];
    while (i && l->heap[(i - 1) / 2]->due > c->due) { heap_set(l, i, l->heap[(i - 1) / 2]); i = (i - 1) / 2; }
    for (;;) {
        size_t k = 2 * i + 1;
        if (k >= l->hn) break;
        if (k + 1 < l->hn && l->heap[k + 1]->due < l->heap[k]->due) k++;
        if (l->heap[k]->due >= c->due) break;
        heap_set(l, i, l->heap[k]); i = k;
    }
    heap_set(l, i, c);
}
static void timer_on(struct conn *c, int64_t due)
{
    struct loop *l = c->l;
    if (l->hn == l->hcap) {
        l->hcap = l->hcap ? l->hcap * 2 : 1024;
        if (!(l->heap = realloc(l->heap, l->hcap * sizeof *l->heap))) abort();
    }
    c->due = due;
    heap_set(l, l->hn++, c);
    heap_fix(l, l->hn - 1);
}
static void timer_off(struct conn *c)
{
    struct loop *l = c->l;
    if (c->heap_i < 0) return;
    size_t i = (size_t)c->heap_i;
    c->heap_i = -1;
    struct conn *last = l->heap[--l->hn];
    if (last != c) { heap_set(l, i, last); heap_fix(l, i); }
}
static void arm(struct loop *l)
{
    int64_t d = l->hn ? l->heap[0]->due : 0;
    if (d == l->armed) return;
    l->armed = d;
    struct itimerspec t = { .it_value = { d / 1000000, (d % 1000000) * 1000 } };
    timerfd_settime(l->tfd, TFD_TIMER_ABSTIME, &t, NULL);
}
static void interest(struct conn *c, uint32_t ev)
{
    if (c->ev == ev) return;
    struct epoll_event e = { .events = ev, .data.ptr = c };
    epoll_ctl(c->l->ep, c->ev ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, &e);
    c->ev = ev;
}
static void done_inflight(struct conn *c)
{
    if (c->counted) { DEC(inflight); c->counted = false; atomic_store(&st.t_last_us, now_us()); }
}
static void conn_close(struct conn *c, bool rst)
{
    if (c->fd < 0) return;
    timer_off(c);
    done_inflight(c);
    if (rst) {
        struct linger lg = { 1, 0 };
        setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &lg, sizeof lg);
    }
#ifdef HAVE_SSL
    if (c->ssl) { if (!rst && c->s != S_HANDSHAKE) SSL_shutdown(c->ssl); SSL_free(c->ssl); }
#endif
    close(c->fd);
    c->fd = -1;
    DEC(conns_open);
    free(c->in.p); free(c->out.p);
    c->in = c->out = (struct buf){0};
    c->next_dead = c->l->dead; c->l->dead = c;
}
/* >0 bytes, 0 would block, -1 error or end */
static ssize_t rd(struct conn *c, void *p, size_t n)
{
#ifdef HAVE_SSL
    if (c->ssl) {
        ERR_clear_error();
        int k = SSL_read(c->ssl, p, (int)n);
        if (k > 0) return k;
        int e = SSL_get_error(c->ssl, k);
        return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
#endif
    ssize_t k = recv(c->fd, p, n, 0);
    return k > 0 ? k : k < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}
static ssize_t wr(struct conn *c, const void *p, size_t n)
{
#ifdef HAVE_SSL
    if (c->ssl) {
        ERR_clear_error();
        int k = SSL_write(c->ssl, p, (int)n);
        if (k > 0) return k;
        int e = SSL_get_error(c->ssl, k);
        return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
    }
#endif
    ssize_t k = send(c->fd, p, n, MSG_NOSIGNAL);
    return k >= 0 ? k : errno == EAGAIN || errno == EINTR ? 0 : -1;
}
static void log_line(struct conn *c)
{
    if (!logf_) return;
    pthread_mutex_lock(&log_mu);
    fprintf(logf_, "{\"t_us\":%" PRId64 ",\"api\":%d,\"prompt\":\"%016" PRIx64 "\",\"attempt\":%u,"
            "\"status\":%d,\"fault\":\"%s\",\"us\":%" PRId64 "}\n", now_us(), c->api, c->hash,
            c->attempt, c->status, fault_name[c->fault], now_us() - c->t0);
    pthread_mutex_unlock(&log_mu);
}
static bool flush_out(struct conn *c, size_t limit);
static void serve(struct conn *c);

static void finish(struct conn *c)                 /* the response is out */
{
    log_line(c);
    if (c->status == 200 && c->api && c->fault <= F_NONE + 0) { INC(ok); tab_success(c->hash); }
    else if (c->status == 200 && c->api && c->fault == F_DRIP) { INC(ok); tab_success(c->hash); }
    done_inflight(c);
    c->out.n = 0; c->sent = 0;
    size_t left = c->in.n - c->consumed;
    if (left) memmove(c->in.p, c->in.p + c->consumed, left);
    c->in.n = left; c->consumed = 0;
    c->served++;
    if (!c->keep) { conn_close(c, false); return; }
    c->s = S_READ;
    if (c->in.cap > 65536 && !left) { free(c->in.p); c->in = (struct buf){0}; }
}
static bool flush_out(struct conn *c, size_t limit)   /* true: all of it is out */
{
    while (c->sent < limit) {
        ssize_t k = wr(c, c->out.p + c->sent, limit - c->sent);
        if (k < 0) { INC(client_aborts); conn_close(c, false); return false; }
        if (!k) { interest(c, EPOLLOUT | EPOLLRDHUP); return false; }
        c->sent += (size_t)k;
        ADD(bytes_out, k);
    }
    return true;
}
static void start_write(struct conn *c)            /* the delay is over */
{
    switch (c->fault) {
    case F_RESET: log_line(c); conn_close(c, true); return;
    case F_CLOSE: log_line(c); conn_close(c, false); return;
    case F_HANG: c->s = S_HANG; return;
    case F_DRIP:
        c->s = S_DRIP;
        if (!flush_out(c, c->body_at)) return;
        timer_on(c, now_us() + (int64_t)(opt.drip_ms * 1000));
        return;
    case F_RESET_MID: case F_TRUNCATE: {
        size_t half = c->body_at + (c->out.n - c->body_at) / 2;
        flush_out(c, half);
        if (c->fd < 0) return;
        log_line(c);
        conn_close(c, c->fault == F_RESET_MID);
        return;
    }
    default:
        c->s = S_WRITE;
        if (flush_out(c, c->out.n)) { finish(c); if (c->fd >= 0) interest(c, EPOLLIN | EPOLLRDHUP); }
    }
}
static void head(struct conn *c, int status, const char *reason, size_t len, const char *extra)
{
    putf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s%s\r\n",
         status, reason, len, extra ? extra : "", c->keep ? "" : "Connection: close\r\n");
    c->body_at = c->out.n;
    c->status = status;
}
static void reply_simple(struct conn *c, int status, const char *reason, const char *body, const char *extra)
{
    head(c, status, reason, strlen(body), extra);
    puts_(&c->out, body);
}
static void stats_json(struct buf *b)
{
    int64_t t = st.t_last_us - st.t_first_us;
    struct rusage ru;
    getrusage(RUSAGE_SELF, &ru);
#define S(f) putf(b, "  \"" #f "\": %" PRIu64 ",\n", (uint64_t)st.f)
    puts_(b, "{\n");
    S(requests); S(openai); S(converse); S(other); S(ok); S(retries); S(repeats_after_ok);
    S(unique_prompts); S(inflight); S(inflight_peak); S(conns); S(conns_open); S(conns_peak);
    S(keepalive_reuse); S(tls_handshakes); S(tls_resumed); S(client_aborts); S(bad_request);
    S(unauthorized); S(rate_limited); S(prompt_tokens); S(completion_tokens); S(bytes_in); S(bytes_out);
    puts_(b, "  \"faults\": {");
    for (int i = 1; i < F_NFAULT; i++)
        putf(b, "%s\"%s\": %" PRIu64, i > 1 ? ", " : "", fault_name[i], (uint64_t)st.fault[i]);
    putf(b, "},\n  \"span_s\": %.6f,\n  \"rps\": %.1f,\n  \"cpu_user_s\": %.3f,\n  \"cpu_sys_s\": %.3f,\n  \"maxrss_kb\": %ld\n}\n",
         t / 1e6, t > 0 ? st.requests / (t / 1e6) : 0, ru.ru_utime.tv_sec + ru.ru_utime.tv_usec / 1e6,
         ru.ru_stime.tv_sec + ru.ru_stime.tv_usec / 1e6, ru.ru_maxrss);
#undef S
}
static void stats_reset(void)
{
    uint64_t open = st.conns_open, infl = st.inflight;
    memset((void *)&st, 0, sizeof st);
    st.conns_open = st.conns_peak = open; st.inflight = infl;
    pthread_mutex_lock(&tab.mu);
    if (tab.cap) { memset(tab.key, 0, tab.cap * 8); memset(tab.att, 0, tab.cap * 4); memset(tab.ok, 0, tab.cap * 4); }
    tab.n = 0;
    pthread_mutex_unlock(&tab.mu);
}
static bool over_limit(void)
{
    if (opt.limit_inflight && (long)st.inflight > opt.limit_inflight) return true;
    if (!(opt.limit_rps > 0)) return false;
    static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
    static double tokens; static int64_t last;
    bool over;
    pthread_mutex_lock(&mu);
    int64_t t = now_us();
    double burst = opt.limit_rps > 1 ? opt.limit_rps : 1;
    tokens = last ? tokens + (t - last) * 1e-6 * opt.limit_rps : burst;
    if (tokens > burst) tokens = burst;
    last = t;
    over = tokens < 1;
    if (!over) tokens -= 1;
    pthread_mutex_unlock(&mu);
    return over;
}
static void reply_error(struct conn *c, const struct req *r, int status, const char *reason,
                        const char *aws, const char *oai, int retry_after)
{
    char extra[160], body[256];
    int n = 0;
    extra[0] = 0;
    if (retry_after >= 0) n = snprintf(extra, sizeof extra, "Retry-After: %d\r\n", retry_after);
    if (r->api == 2) {
        snprintf(extra + n, sizeof extra - (size_t)n, "x-amzn-ErrorType: %s\r\n", aws);
        snprintf(body, sizeof body, "{\"message\":\"mock %s\"}", aws);
    } else
        snprintf(body, sizeof body, "{\"error\":{\"message\":\"mock %s\",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}", oai, oai, oai);
    reply_simple(c, status, reason, body, extra);
}
static void serve_llm(struct conn *c, struct req *r)
{
    struct buf *b = &c->l->scratch;
    double delay = opt.latency_ms;
    c->api = r->api;
    if (r->api == 1) INC(openai); else INC(converse);
    if (!r->auth_ok) { INC(unauthorized); reply_error(c, r, r->api == 2 ? 403 : 401, "Unauthorized",
                       "UnrecognizedClientException", "invalid_api_key", -1); start_write(c); return; }
    if (strcmp(r->method, "POST") || !scan_body(r)) {
        INC(bad_request);
        reply_error(c, r, 400, "Bad Request", "ValidationException", "invalid_request_error", -1);
        start_write(c);
        return;
    }
    if (over_limit()) {
        INC(rate_limited); INC(fault[F_429]);
        c->hash = r->hash;
        reply_error(c, r, 429, "Too Many Requests", "ThrottlingException", "rate_limit_exceeded", opt.retry_after);
        start_write(c);
        return;
    }
    uint32_t a = tab_attempt(r->hash);
    uint64_t h = mix(r->hash ^ ((uint64_t)a << 48) ^ mix(opt.seed));
    c->hash = r->hash; c->attempt = a;
    /* the fault: a directive in the prompt, --fail-first, or a draw */
    if (r->d_fault >= 0) { if (r->d_times < 0 || (long)a < r->d_times) c->fault = (enum fault)r->d_fault; }
    else if ((int)a < opt.fail_first) c->fault = (enum fault)opt.fail_first_kind;
    else {
        double u = unit(h ^ 0xfa17), acc = 0;
        for (int i = 1; i < F_NFAULT; i++) if (u < (acc += opt.p[i])) { c->fault = (enum fault)i; break; }
    }
    if (opt.jitter_ms > 0) delay += (2 * unit(h ^ 0x7177) - 1) * opt.jitter_ms;
    if (opt.tail_p > 0 && unit(h ^ 0x7a11) < opt.tail_p) delay += opt.tail_ms;
    if (r->d_latency >= 0) delay = r->d_latency;
    if (c->fault) INC(fault[c->fault]);
    int ra = r->d_retry >= 0 ? r->d_retry : opt.retry_after;
    switch (c->fault) {
    case F_429: reply_error(c, r, 429, "Too Many Requests", "ThrottlingException", "rate_limit_exceeded", ra); delay = r->d_latency >= 0 ? delay : 0; break;
    case F_500: reply_error(c, r, 500, "Internal Server Error", "InternalServerException", "server_error", -1); break;
    case F_503: reply_error(c, r, 503, "Service Unavailable", "ServiceUnavailableException", "overloaded", ra); delay = r->d_latency >= 0 ? delay : 0; break;
    case F_GARBAGE: reply_simple(c, 200, "OK", "{\"choices\":[{\"message\":{\"content\":\"unterminated", NULL); break;
    case F_EMPTY: reply_simple(c, 200, "OK", "", NULL); break;
    default: {
        long want = r->d_bytes >= 0 ? r->d_bytes : opt.bytes;
        bool cut = false;
        if (r->max_tokens >= 0 && want > r->max_tokens * 4) { want = r->max_tokens * 4; cut = true; }
        static _Thread_local struct buf content;
        content.n = 0;
        make_content(&content, r, (size_t)want);
        if (cut && content.n > (size_t)want) content.n = (size_t)want;
        uint64_t pt = (r->prompt_bytes + 3) / 4, ct = (content.n + 3) / 4;
        ADD(prompt_tokens, pt); ADD(completion_tokens, ct);
        b->n = 0;
        bool raw = (r->d_reply >= 0 ? r->d_reply : opt.reply) == R_ECHO;   /* still escaped */
        if (r->api == 1) {
            putf(b, "{\"id\":\"chatcmpl-%016" PRIx64 "\",\"object\":\"chat.completion\",\"created\":1700000000,"
                    "\"model\":\"%s\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"",
                 r->hash, r->model[0] ? r->model : "mock");
            if (raw) put(b, content.p, content.n); else put_json(b, content.p, content.n);
            putf(b, "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"%s\"}],\"usage\":{\"prompt_tokens\":%" PRIu64
                    ",\"completion_tokens\":%" PRIu64 ",\"total_tokens\":%" PRIu64 "},\"system_fingerprint\":\"fp_mock\"}",
                 cut ? "length" : "stop", pt, ct, pt + ct);
        } else {
            puts_(b, "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"text\":\"");
            if (raw) put(b, content.p, content.n); else put_json(b, content.p, content.n);
            putf(b, "\"}]}},\"stopReason\":\"%s\",\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64
                    ",\"totalTokens\":%" PRIu64 "},\"metrics\":{\"latencyMs\":%d}}",
                 cut ? "max_tokens" : "end_turn", pt, ct, pt + ct, (int)(delay > 0 ? delay : 0));
        }
        char extra[96];
        snprintf(extra, sizeof extra, "%s: %016" PRIx64 "-%u\r\n", r->api == 2 ? "x-amzn-RequestId" : "x-request-id", r->hash, a);
        head(c, 200, "OK", b->n, extra);
        put(&c->out, b->p, b->n);
    }
    }
    if (delay > 0) { c->s = S_WAIT; timer_on(c, c->t0 + (int64_t)(delay * 1000)); interest(c, EPOLLRDHUP); }
    else start_write(c);
}
static void serve(struct conn *c)
{
    while (c->fd >= 0 && c->s == S_READ && c->in.n) {
        struct req r;
        int k = parse(&r, c->in.p, c->in.n);
        if (k < 0) { INC(bad_request); conn_close(c, false); return; }
        if (!k) {
            if (c->in.n >= 24 && r.expect && r.head_len && c->in.n == r.head_len) {
                static const char cont[] = "HTTP/1.1 100 Continue\r\n\r\n";
                if (wr(c, cont, sizeof cont - 1) < 0) conn_close(c, false);
            }
            return;
        }
        c->consumed = r.head_len + r.body_len;
        c->keep = r.keep && !(opt.max_requests_per_conn && c->served + 1 >= opt.max_requests_per_conn);
        c->fault = F_NONE; c->hash = 0; c->attempt = 0; c->api = 0;
        c->out.n = 0; c->sent = 0; c->t0 = now_us(); c->s = S_WRITE;
        ADD(bytes_in, c->consumed);
        if (!strncmp(r.path, "/__", 3)) {
            if (!strcmp(r.path, "/__stats")) {
                struct buf s = {0};
                stats_json(&s); put(&s, "", 1);
                reply_simple(c, 200, "OK", s.p, NULL);
                free(s.p);
            } else if (!strcmp(r.path, "/__reset")) { stats_reset(); reply_simple(c, 200, "OK", "{}\n", NULL); }
            else if (!strcmp(r.path, "/__health")) reply_simple(c, 200, "OK", "{\"ok\":true}\n", NULL);
            else reply_simple(c, 404, "Not Found", "{}\n", NULL);
            start_write(c);
            continue;
        }
        INC(requests);
        if (c->served) INC(keepalive_reuse);
        int64_t z = 0;
        if (!st.t_first_us) atomic_compare_exchange_strong(&st.t_first_us, &z, c->t0);
        c->counted = true;
        peak(&st.inflight_peak, atomic_fetch_add(&st.inflight, 1) + 1);
        char *q = strchr(r.path, '?'); if (q) *q = 0;
        size_t n = strlen(r.path);
        if (n >= 17 && !strcmp(r.path + n - 17, "/chat/completions")) r.api = 1;
        else if (!strncmp(r.path, "/model/", 7) && n > 16 && !strcmp(r.path + n - 9, "/converse")) r.api = 2;
        if (r.api) serve_llm(c, &r);
        else {
            INC(other);
            if (n >= 7 && !strcmp(r.path + n - 7, "/models"))
                reply_simple(c, 200, "OK", "{\"object\":\"list\",\"data\":[{\"id\":\"mock\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"mock\"}]}\n", NULL);
            else reply_simple(c, 404, "Not Found", "{\"error\":{\"message\":\"no such path\",\"type\":\"invalid_request_error\"}}\n", NULL);
            start_write(c);
        }
    }
}
static void on_readable(struct conn *c)
{
    for (;;) {
        need(&c->in, 4096);
        size_t room = c->in.cap - c->in.n - 1;
        ssize_t k = rd(c, c->in.p + c->in.n, room);
        if (k < 0) { conn_close(c, false); return; }
        if (!k) break;
        c->in.n += (size_t)k; c->in.p[c->in.n] = 0;
        if ((size_t)k < room
#ifdef HAVE_SSL
            && !c->ssl
#endif
           ) break;
    }
    serve(c);
}
static void on_event(struct conn *c, uint32_t ev)
{
    if (c->fd < 0) return;
#ifdef HAVE_SSL
    if (c->s == S_HANDSHAKE) {
        ERR_clear_error();
        int k = SSL_do_handshake(c->ssl);
        if (k == 1) {
            INC(tls_handshakes);
            if (SSL_session_reused(c->ssl)) INC(tls_resumed);
            c->s = S_READ; interest(c, EPOLLIN | EPOLLRDHUP);
            on_readable(c);
            return;
        }
        int e = SSL_get_error(c->ssl, k);
        if (e == SSL_ERROR_WANT_READ) interest(c, EPOLLIN);
        else if (e == SSL_ERROR_WANT_WRITE) interest(c, EPOLLOUT);
        else conn_close(c, false);
        return;
    }
#endif
    if ((ev & (EPOLLHUP | EPOLLERR)) || ((ev & EPOLLRDHUP) && c->s != S_READ)) {
        if (c->s != S_READ) INC(client_aborts);
        conn_close(c, false);
        return;
    }
    if ((ev & EPOLLOUT) && (c->s == S_WRITE || c->s == S_DRIP)) {
        if (c->s == S_WRITE) {
            if (flush_out(c, c->out.n)) { finish(c); if (c->fd >= 0) { interest(c, EPOLLIN | EPOLLRDHUP); serve(c); } }
        } else { interest(c, EPOLLRDHUP); if (c->heap_i < 0) timer_on(c, now_us() + (int64_t)(opt.drip_ms * 1000)); }
        return;
    }
    if ((ev & (EPOLLIN | EPOLLRDHUP)) && c->s == S_READ) on_readable(c);
}
static void on_timer(struct conn *c)
{
    if (c->s == S_WAIT) {
        start_write(c);
        if (c->fd >= 0 && c->s == S_READ) { interest(c, EPOLLIN | EPOLLRDHUP); serve(c); }
    } else if (c->s == S_DRIP) {
        size_t lim = c->sent + (size_t)opt.drip_bytes;
        if (lim > c->out.n) lim = c->out.n;
        if (!flush_out(c, lim)) return;
        if (c->sent == c->out.n) { finish(c); if (c->fd >= 0) { interest(c, EPOLLIN | EPOLLRDHUP); serve(c); } }
        else timer_on(c, now_us() + (int64_t)(opt.drip_ms * 1000));
    }
}
static void on_accept(struct loop *l)
{
    for (int i = 0; i < 64; i++) {
        int fd = accept4(l->lfd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        int one = 1;
        if (!opt.unix_path) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct conn *c = calloc(1, sizeof *c);
        if (!c) abort();
        c->fd = fd; c->l = l; c->heap_i = -1; c->s = S_READ;
        INC(conns);
        peak(&st.conns_peak, INC(conns_open) + 1);
#ifdef HAVE_SSL
        if (ctx) {
            c->ssl = SSL_new(ctx); SSL_set_fd(c->ssl, fd); SSL_set_accept_state(c->ssl);
            c->s = S_HANDSHAKE;
        }
#endif
        interest(c, EPOLLIN | EPOLLRDHUP);
    }
}
static void *run(void *arg)
{
    struct loop *l = arg;
    struct epoll_event ev[512];
    for (;;) {
        arm(l);
        int n = epoll_wait(l->ep, ev, 512, -1);
        if (n < 0 && errno != EINTR) return NULL;
        for (int i = 0; i < n; i++) {
            if (ev[i].data.ptr == &l->lfd) on_accept(l);
            else if (ev[i].data.ptr == &l->tfd) { uint64_t x; if (read(l->tfd, &x, 8) == 8) l->armed = 0; }
            else on_event(ev[i].data.ptr, ev[i].events);
        }
        int64_t t = l->hn ? now_us() : 0;
        while (l->hn && l->heap[0]->due <= t) { struct conn *c = l->heap[0]; timer_off(c); on_timer(c); }
        for (struct conn *c; (c = l->dead); ) { l->dead = c->next_dead; free(c); }
    }
}
static int listen_on(void)
{
    int fd, one = 1;
    if (opt.unix_path) {
        struct sockaddr_un u = { .sun_family = AF_UNIX };
        snprintf(u.sun_path, sizeof u.sun_path, "%s", opt.unix_path);
        unlink(u.sun_path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (bind(fd, (void *)&u, sizeof u) || listen(fd, opt.backlog)) { perror("bind"); exit(1); }
        return fd;
    }
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)opt.port) };
    if (inet_pton(AF_INET, opt.host, &a.sin_addr) != 1) { fprintf(stderr, "bad --host\n"); exit(2); }
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (opt.threads > 1) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (void *)&a, sizeof a) || listen(fd, opt.backlog)) { perror("bind"); exit(1); }
    if (!opt.port) { socklen_t n = sizeof a; getsockname(fd, (void *)&a, &n); opt.port = ntohs(a.sin_port); }
    return fd;
}
static void usage(void)
{
    puts("usage: mockllm [options]\n"
    "  --host A (127.0.0.1)  --port N (8089; 0 = any)  --unix PATH  --threads N  --port-file F\n"
    "  --tls-cert F --tls-key F        (when built with libssl)\n"
    "  --latency MS  --jitter MS (uniform +-)  --tail P:MS (P of replies MS later)\n"
    "  --bytes N (1200; reply text)  --reply text|json|fenced|echo  --seed N\n"
    "  --fault KIND=P ...   KIND: 429 500 503 reset reset_mid truncate drip hang garbage empty close\n"
    "  --fail-first N[:KIND]  every prompt's first N attempts fail\n"
    "  --retry-after S (1)  --drip BYTES:MS (64:50)\n"
    "  --limit-rps R  --limit-inflight N   429 above it\n"
    "  --conn-requests N   close a connection after N requests\n"
    "  --auth TOKEN (Bearer TOKEN, or any AWS4-HMAC-SHA256)  --log FILE.jsonl  --no-track  --quiet\n"
    "in a prompt: [[mock latency=MS bytes=N reply=KIND fault=KIND times=N retry_after=S]]");
}
static void stop(int sig) { (void)sig; if (logf_) fflush(logf_); _exit(0); }

int main(int argc, char **argv)
{
    enum { O_HOST = 256, O_PORT, O_UNIX, O_THREADS, O_PF, O_CERT, O_KEY, O_LAT, O_JIT, O_TAIL, O_BYTES,
           O_REPLY, O_SEED, O_FAULT, O_FF, O_RA, O_DRIP, O_RPS, O_INF, O_CR, O_AUTH, O_LOG, O_NT, O_Q };
    static const struct option lo[] = {
        {"host",1,0,O_HOST},{"port",1,0,O_PORT},{"unix",1,0,O_UNIX},{"threads",1,0,O_THREADS},
        {"port-file",1,0,O_PF},{"tls-cert",1,0,O_CERT},{"tls-key",1,0,O_KEY},{"latency",1,0,O_LAT},
        {"jitter",1,0,O_JIT},{"tail",1,0,O_TAIL},{"bytes",1,0,O_BYTES},{"reply",1,0,O_REPLY},
        {"seed",1,0,O_SEED},{"fault",1,0,O_FAULT},{"fail-first",1,0,O_FF},{"retry-after",1,0,O_RA},
        {"drip",1,0,O_DRIP},{"limit-rps",1,0,O_RPS},{"limit-inflight",1,0,O_INF},
        {"conn-requests",1,0,O_CR},{"auth",1,0,O_AUTH},{"log",1,0,O_LOG},{"no-track",0,0,O_NT},
        {"quiet",0,0,O_Q},{"help",0,0,'h'},{0,0,0,0}};
    for (int o; (o = getopt_long(argc, argv, "h", lo, NULL)) != -1; ) {
        char *s;
        switch (o) {
        case O_HOST: opt.host = optarg; break;
        case O_PORT: opt.port = atoi(optarg); break;
        case O_UNIX: opt.unix_path = optarg; break;
        case O_THREADS: opt.threads = atoi(optarg); break;
        case O_PF: opt.port_file = optarg; break;
        case O_CERT: opt.cert = optarg; break;
        case O_KEY: opt.key = optarg; break;
        case O_LAT: opt.latency_ms = atof(optarg); break;
        case O_JIT: opt.jitter_ms = atof(optarg); break;
        case O_TAIL: opt.tail_p = strtod(optarg, &s); if (*s == ':') opt.tail_ms = atof(s + 1); break;
        case O_BYTES: opt.bytes = atol(optarg); break;
        case O_REPLY: opt.reply = reply_from(optarg); break;
        case O_SEED: opt.seed = strtoull(optarg, NULL, 10); break;
        case O_FAULT: {
            s = strchr(optarg, '=');
            int f = s ? fault_from(optarg, (size_t)(s - optarg)) : -1;
            if (f < 1) { fprintf(stderr, "bad --fault %s\n", optarg); return 2; }
            opt.p[f] = atof(s + 1);
            break;
        }
        case O_FF:
            opt.fail_first = (int)strtol(optarg, &s, 10);
            if (*s == ':' && (opt.fail_first_kind = fault_from(s + 1, strlen(s + 1))) < 1) { fprintf(stderr, "bad --fail-first\n"); return 2; }
            break;
        case O_RA: opt.retry_after = atoi(optarg); break;
        case O_DRIP: opt.drip_bytes = strtol(optarg, &s, 10); if (*s == ':') opt.drip_ms = atof(s + 1); break;
        case O_RPS: opt.limit_rps = atof(optarg); break;
        case O_INF: opt.limit_inflight = atol(optarg); break;
        case O_CR: opt.max_requests_per_conn = atol(optarg); break;
        case O_AUTH: opt.auth = optarg; break;
        case O_LOG: opt.log = optarg; break;
        case O_NT: opt.no_track = true; break;
        case O_Q: opt.quiet = true; break;
        case 'h': usage(); return 0;
        default: usage(); return 2;
        }
    }
    for (int i = 0; i < 64; i++) word_len[i] = (uint8_t)strlen(word[i]);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTERM, stop); signal(SIGINT, stop);
    struct rlimit rl;
    if (!getrlimit(RLIMIT_NOFILE, &rl)) { rl.rlim_cur = rl.rlim_max; setrlimit(RLIMIT_NOFILE, &rl); }
    if (opt.log && !(logf_ = fopen(opt.log, "w"))) { perror(opt.log); return 1; }
    if (opt.cert) {
#ifdef HAVE_SSL
        ctx = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"mock", 4);
        if (SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 ||
            SSL_CTX_use_PrivateKey_file(ctx, opt.key ? opt.key : opt.cert, SSL_FILETYPE_PEM) != 1) {
            ERR_print_errors_fp(stderr); return 1;
        }
#else
        fprintf(stderr, "built without libssl\n"); return 2;
#endif
    }
    if (opt.threads < 1) opt.threads = 1;
    struct loop *ls = calloc((size_t)opt.threads, sizeof *ls);
    if (!ls) return 1;
    for (int i = 0; i < opt.threads; i++) {
        struct loop *l = &ls[i];
        l->lfd = listen_on();
        l->ep = epoll_create1(EPOLL_CLOEXEC);
        l->tfd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        struct epoll_event e = { .events = EPOLLIN, .data.ptr = &l->lfd };
        epoll_ctl(l->ep, EPOLL_CTL_ADD, l->lfd, &e);
        e.data.ptr = &l->tfd;
        epoll_ctl(l->ep, EPOLL_CTL_ADD, l->tfd, &e);
    }
    if (opt.port_file) {
        FILE *f = fopen(opt.port_file, "w");
        if (!f) { perror(opt.port_file); return 1; }
        fprintf(f, "%d\n", opt.port); fclose(f);
    }
    if (!opt.quiet) fprintf(stderr, "mockllm on %s:%d\n", opt.unix_path ? opt.unix_path : opt.host, opt.port);
    for (int i = 1; i < opt.threads; i++) pthread_create(&ls[i].th, NULL, run, &ls[i]);
    run(&ls[0]);
    return 0;
}
