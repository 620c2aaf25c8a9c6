# The manual pages.
dist_man_MANS += man/plotpalette.7
dist_man_MANS += man/pp-job.1
dist_man_MANS += man/pp-seed.1
dist_man_MANS += man/pp-record.5 man/pp-template.1 man/pp-worker.1
dist_man_MANS += man/pp-models.5
dist_man_MANS += man/pp-cost.1
dist_man_MANS += man/pp-export.1
dist_man_MANS += man/pp-template.5
