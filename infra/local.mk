# Files of infra/: what deploys to AWS. Nothing of it is installed.
EXTRA_DIST += infra/cloudformation/budget-stack.yaml \
	infra/cloudformation/compute-stack.yaml \
	infra/cloudformation/database-stack.yaml \
	infra/cloudformation/iam-stack.yaml \
	infra/cloudformation/master-stack.yaml \
	infra/cloudformation/network-stack.yaml \
	infra/cloudformation/storage-stack.yaml
EXTRA_DIST += infra/parameters/development.json \
	infra/parameters/production.json \
	infra/parameters/staging.json
