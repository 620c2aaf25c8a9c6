# Chaos: workers that die, servers and disks that fail, independent checks.
TESTS += tests/chaos/chaos.sh tests/chaos/models.sh
long_tests += tests/chaos/chaos.sh tests/chaos/models.sh
EXTRA_DIST += tests/chaos/chaos.py tests/chaos/chaos.sh \
	tests/chaos/faults.c tests/chaos/models.sh

# Loaded before the C library, so nothing else is linked into it.
check_DATA += tests/chaos/faults.so
CLEANFILES += tests/chaos/faults.so
tests/chaos/faults.so: tests/chaos/faults.c
	$(AM_V_CC)mkdir -p tests/chaos && $(CC) -O2 -shared -fPIC -o $@ \
	'$(srcdir)/tests/chaos/faults.c' -ldl

# AWS=1: the home is on AWS, by servers on loopback. Rounds wait for leases and
# for the disk's syncs: several at once, and TMPDIR in memory, are faster.
AWS =
ROUNDS = 100
AT_ONCE = 3
chaos: $(bin_PROGRAMS) tests/support/mockllm tests/support/awshome \
	tests/chaos/faults.so
	PP_SHARE='$(abs_top_srcdir)/share' \
	$(if $(AWS),$(top_srcdir)/tests/support/with-aws-servers) python3 \
	$(top_srcdir)/tests/chaos/chaos.py --bin '$(abs_top_builddir)/cmd' \
	--mock '$(abs_top_builddir)/tests/support/mockllm' --shim \
	'$(abs_top_builddir)/tests/chaos/faults.so' --mix \
	--rounds $(ROUNDS) --at-once $(AT_ONCE) \
	$(if $(AWS),--aws '$(abs_top_builddir)/tests/support/awshome') --keep
.PHONY: chaos
