#include "mock.h"

#include <string.h>

#define STATUS(code, reason, openai, aws) \
	{ #code, FAULT_STATUS, code, reason, openai, aws, false }
#define LATE(code, reason, openai, aws) \
	{ #code, FAULT_STATUS, code, reason, openai, aws, true }
#define BROKEN(name, kind) { name, kind, 200, NULL, NULL, NULL, true }

const struct fault faults[] = {
	BROKEN("none", FAULT_NONE),
	STATUS(400, "Bad Request", "invalid_request_error",
	    "ValidationException"),
	STATUS(401, "Unauthorized", "invalid_api_key",
	    "UnrecognizedClientException"),
	STATUS(402, "Payment Required", "billing_not_active",
	    "ServiceQuotaExceededException"),
	STATUS(403, "Forbidden", "permission_denied", "AccessDeniedException"),
	STATUS(404, "Not Found", "model_not_found",
	    "ResourceNotFoundException"),
	LATE(408, "Request Timeout", "timeout", "ModelTimeoutException"),
	STATUS(409, "Conflict", "conflict", "ConflictException"),
	STATUS(413, "Content Too Large", "request_too_large",
	    "ValidationException"),
	STATUS(422, "Unprocessable Content", "invalid_request_error",
	    "ValidationException"),
	LATE(424, "Failed Dependency", "model_error", "ModelErrorException"),
	STATUS(425, "Too Early", "too_early", "ModelNotReadyException"),
	STATUS(429, "Too Many Requests", "rate_limit_exceeded",
	    "ThrottlingException"),
	LATE(500, "Internal Server Error", "server_error",
	    "InternalServerException"),
	LATE(502, "Bad Gateway", "bad_gateway", "ServiceUnavailableException"),
	STATUS(503, "Service Unavailable", "overloaded",
	    "ServiceUnavailableException"),
	LATE(504, "Gateway Timeout", "timeout", "ModelTimeoutException"),
	STATUS(529, "Overloaded", "overloaded_error",
	    "ServiceUnavailableException"),
	BROKEN("reset", FAULT_RESET),
	BROKEN("reset_mid", FAULT_RESET_MID),
	BROKEN("truncate", FAULT_TRUNCATE),
	BROKEN("drip", FAULT_DRIP),
	BROKEN("hang", FAULT_HANG),
	BROKEN("garbage", FAULT_GARBAGE),
	BROKEN("empty", FAULT_EMPTY),
	BROKEN("close", FAULT_CLOSE),
};

const size_t fault_count = sizeof faults / sizeof faults[0];

int
fault_find(const char *name, size_t len)
{
	for (size_t i = 0; i < fault_count; i++) {
		if (strlen(faults[i].name) == len &&
		    memcmp(faults[i].name, name, len) == 0)
			return (int)i;
	}
	return -1;
}
