# Completions for bash, zsh and fish. They are made from the option tables by
# `make completions` and kept in the tree; a test says when they are stale.
bashcompletiondir = $(datadir)/bash-completion/completions
zshcompletiondir = $(datadir)/zsh/site-functions
fishcompletiondir = $(datadir)/fish/vendor_completions.d

dist_bashcompletion_DATA = \
	completions/bash/pp-cost \
	completions/bash/pp-export \
	completions/bash/pp-job \
	completions/bash/pp-seed \
	completions/bash/pp-template \
	completions/bash/pp-worker
dist_zshcompletion_DATA = \
	completions/zsh/_pp-cost \
	completions/zsh/_pp-export \
	completions/zsh/_pp-job \
	completions/zsh/_pp-seed \
	completions/zsh/_pp-template \
	completions/zsh/_pp-worker
dist_fishcompletion_DATA = \
	completions/fish/pp-cost.fish \
	completions/fish/pp-export.fish \
	completions/fish/pp-job.fish \
	completions/fish/pp-seed.fish \
	completions/fish/pp-template.fish \
	completions/fish/pp-worker.fish

staged_data += $(dist_bashcompletion_DATA) $(dist_zshcompletion_DATA) \
	$(dist_fishcompletion_DATA)

completions: $(bin_PROGRAMS)
	$(AM_V_GEN)cd '$(srcdir)/completions' && mkdir -p bash zsh fish && \
	for p in $(bin_PROGRAMS); do \
		name=$${p#cmd/}; \
		'$(abs_builddir)'/$$p --complete bash >bash/$$name && \
		'$(abs_builddir)'/$$p --complete zsh >zsh/_$$name && \
		'$(abs_builddir)'/$$p --complete fish >fish/$$name.fish || \
		exit 1; \
	done
.PHONY: completions
