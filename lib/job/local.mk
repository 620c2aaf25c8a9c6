# Sources of lib/job: life cycle, seeds, checkpoints, the generation loop.
lib_libpp_la_SOURCES += \
	lib/job/account.c lib/job/account.h \
	lib/job/ahead.c \
	lib/job/archive.c lib/job/archive.h \
	lib/job/aside.c lib/job/aside.h \
	lib/job/auto_export.c lib/job/auto_export.h \
	lib/job/batch.c lib/job/batch.h \
	lib/job/budget.c lib/job/budget.h \
	lib/job/checkpoint.c lib/job/checkpoint.h \
	lib/job/config.c lib/job/config.h \
	lib/job/cost_rows.c lib/job/cost_rows.h \
	lib/job/cost_sums.c lib/job/cost_sums.h \
	lib/job/deployment.c lib/job/deployment.h \
	lib/job/estimate.c lib/job/estimate.h lib/job/estimate_int.h \
	lib/job/estimate_job.c \
	lib/job/estimate_prompts.c \
	lib/job/export_job.c lib/job/export_job.h \
	lib/job/export_upload.c lib/job/export_upload.h \
	lib/job/fence.c \
	lib/job/filter.c lib/job/filter.h \
	lib/job/flow.c lib/job/flow.h \
	lib/job/health.c lib/job/health.h \
	lib/job/ids.c lib/job/ids.h \
	lib/job/job.c lib/job/job.h \
	lib/job/job_create.c lib/job/job_create.h \
	lib/job/job_spec.c lib/job/job_spec.h \
	lib/job/job_start.c \
	lib/job/journal.c lib/job/journal.h \
	lib/job/launch.c lib/job/launch.h \
	lib/job/learn.c lib/job/learn.h \
	lib/job/ledger.c lib/job/ledger.h \
	lib/job/month.c lib/job/month.h \
	lib/job/notify.c lib/job/notify.h \
	lib/job/plan.c lib/job/plan.h \
	lib/job/publish.c \
	lib/job/routes.c lib/job/routes.h \
	lib/job/row.c lib/job/row.h \
	lib/job/row_rules.c lib/job/row_rules.h \
	lib/job/runner.c lib/job/runner.h \
	lib/job/sample.c lib/job/sample.h \
	lib/job/schema.c lib/job/schema.h \
	lib/job/seed.c lib/job/seed.h lib/job/seed_int.h \
	lib/job/seed_check.c lib/job/seed_check.h \
	lib/job/seed_home.c \
	lib/job/seed_input.c lib/job/seed_input.h \
	lib/job/seed_need.c lib/job/seed_need.h \
	lib/job/seed_source.c lib/job/seed_source.h \
	lib/job/seed_upload.c lib/job/seed_upload.h \
	lib/job/seed_writer.c lib/job/seed_writer.h \
	lib/job/shard.c lib/job/shard.h \
	lib/job/tally.c lib/job/tally.h \
	lib/job/task_render.c lib/job/task_render.h \
	lib/job/task_logs.c lib/job/task_logs.h \
	lib/job/template_ref.c lib/job/template_ref.h \
	lib/job/user.c lib/job/user.h \
	lib/job/worker.c lib/job/worker.h
EXTRA_DIST += lib/job/budget.pml lib/job/fence.pml
