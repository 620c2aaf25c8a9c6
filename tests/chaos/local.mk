# Chaos: workers that die, servers that fail, and independent checks.
TESTS += tests/chaos/chaos.sh
long_tests += tests/chaos/chaos.sh
EXTRA_DIST += tests/chaos/chaos.py tests/chaos/chaos.sh

ROUNDS = 100
chaos: $(bin_PROGRAMS) tests/support/mockllm
	PP_SHARE='$(abs_top_srcdir)/share' python3 \
	$(top_srcdir)/tests/chaos/chaos.py --bin '$(abs_top_builddir)/cmd' \
	--mock '$(abs_top_builddir)/tests/support/mockllm' \
	--rounds $(ROUNDS) --rows 300 --kills 15 --workers 3 --shards 3 \
	--weights 3 2 2 --keep -- --latency 20 --fault 500=0.02 \
	--fault reset=0.02 --fault truncate=0.02 --fault 429=0.02 \
	--retry-after 0
.PHONY: chaos
