# Files of cmd/.
bin_PROGRAMS += cmd/pp-export
cmd_pp_export_SOURCES = cmd/pp-export.c cmd/pp-export.h cmd/export_read.c \
	cmd/export_write.c
bin_PROGRAMS += cmd/pp-seed
cmd_pp_seed_SOURCES = cmd/pp-seed.c
bin_PROGRAMS += cmd/pp-template
cmd_pp_template_SOURCES = cmd/pp-template.c
bin_PROGRAMS += cmd/pp-worker
cmd_pp_worker_SOURCES = cmd/pp-worker.c
bin_PROGRAMS += cmd/pp-cost
cmd_pp_cost_SOURCES = cmd/pp-cost.c
bin_PROGRAMS += cmd/pp-job
cmd_pp_job_SOURCES = cmd/pp-job.c cmd/pp-job.h cmd/job_end.c \
	cmd/job_follow.c cmd/job_look.c cmd/job_make.c cmd/job_restore.c \
	cmd/job_run.c
