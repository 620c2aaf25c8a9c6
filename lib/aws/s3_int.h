/*
 * What the files of S3 share among themselves.
 */
#ifndef PP_AWS_S3_INT_H
#define PP_AWS_S3_INT_H

#include "aws/request.h"
#include "aws/s3.h"

/* Parts or ranges under way at once. */
#define PP_S3_IN_FLIGHT 4

/* How an object is kept: what may be said of it. */
enum { PP_S3_CLASS, PP_S3_ENCRYPTION, PP_S3_KMS_KEY, PP_S3_KEPT };

struct pp_s3 {
	struct pp_aws *aws;	/* borrowed */
	char *bucket;
	/* of every new object: "x-amz-...: value", or NULL; owned */
	char *kept_as[PP_S3_KEPT];
};

/* "/key", percent-encoded. */
void	pp_s3_path(struct pp_buf *out, const char *key);

/* "x-amz-checksum-crc32: ..." of some bytes, into `out`. */
#define PP_S3_SUM_BYTES 48
char	*pp_s3_sum_header(const void *data, size_t len,
	    char out[PP_S3_SUM_BYTES]);

/* A whole object against the sum that the service has of it, if it says. */
bool	pp_s3_sum_is_right(const struct pp_aws_reply *r, const char *data,
	    size_t len);

/* "Range: bytes=..." of `len` > 0 bytes, into `out`. */
#define PP_S3_RANGE_BYTES 64
char	*pp_s3_range_header(int64_t offset, size_t len,
	    char out[PP_S3_RANGE_BYTES]);

/* A request of the bucket; `path` and `query` are borrowed. */
struct pp_aws_request pp_s3_request(const struct pp_s3 *s, const char *method,
	    const char *path, const char *query);

/* "cannot ... object 'key'", by what the service said. */
int	pp_s3_failed(const struct pp_aws_reply *r, const char *what,
	    const char *key, struct pp_error *err);

/*
 * The headers of a new object, ended by NULL; lines are borrowed. `tagging`
 * may be NULL. How many.
 */
#define PP_S3_MAX_HEADERS 12
size_t	pp_s3_new_headers(const struct pp_s3 *s, const char *headers[],
	    char *tagging, bool usual_class);

#endif
