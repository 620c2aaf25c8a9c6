# Tests of infra/. They run no C code of ours, so the build with sanitizers
# leaves them out.
infra_tests =
infra_tests += tests/infra/lint.sh
infra_tests += tests/infra/nest.sh
infra_tests += tests/infra/policies.sh
infra_tests += tests/infra/deploy.sh
infra_tests += tests/infra/cloud.sh
infra_tests += tests/infra/container.sh
infra_tests += tests/infra/peers.sh

if !ENABLE_SANITIZERS
TESTS += $(infra_tests)
endif
EXTRA_DIST += $(infra_tests)
EXTRA_DIST += tests/infra/README.md tests/infra/checkov.sh \
	tests/infra/checkov/requirements.txt
EXTRA_DIST += tests/infra/callgraph.py tests/infra/cli.py tests/infra/cli_server.py tests/infra/lib.sh \
	tests/infra/nest.py tests/infra/requirements.txt \
	tests/infra/stub_aws.py tests/infra/test_nest.py \
	tests/infra/test_policies.py
