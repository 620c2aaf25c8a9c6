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
EXTRA_DIST += infra/README.md \
	infra/container/Containerfile \
	infra/container/collect-root \
	infra/parameters/regions.json \
	infra/recipes/batch-job-definition.json \
	infra/recipes/kubernetes-job.yaml \
	infra/recipes/slurm-array.sh \
	infra/scripts/backup-dynamodb.sh \
	infra/scripts/build-image.sh \
	infra/scripts/common.sh \
	infra/scripts/deploy-multi-region.sh \
	infra/scripts/deploy.sh \
	infra/scripts/estimate-cost.sh \
	infra/scripts/rollback-stack.sh \
	infra/scripts/smoke-test.sh \
	infra/scripts/update-stack.sh \
	infra/scripts/upload-templates.sh \
	infra/scripts/validate-parameters.sh
