# Unit tests of lib/job.
