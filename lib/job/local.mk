# Sources of lib/job.
