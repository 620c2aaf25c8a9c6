# Files of share/: what is installed as data.
seedsdir = $(pkgdatadir)/seeds
dist_seeds_DATA = share/seeds/README \
	share/seeds/authors.jsonl \
	share/seeds/poetry.jsonl \
	share/seeds/topics.jsonl

templatesdir = $(pkgdatadir)/templates
dist_templates_DATA = share/templates/brainstorm.yaml \
	share/templates/creative_writing.yaml \
	share/templates/open_question.yaml \
	share/templates/poem.yaml \
	share/templates/question_answer.yaml

modelsdir = $(pkgdatadir)
dist_models_DATA = share/models.yaml share/prices.yaml

staged_data += $(dist_models_DATA) $(dist_seeds_DATA) $(dist_templates_DATA)
