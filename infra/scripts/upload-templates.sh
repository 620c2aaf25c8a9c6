#!/usr/bin/env bash
# usage: upload-templates.sh [--region R] [--profile P]
# Puts the templates into plot-palette-cfn-ACCOUNT-REGION, under a name that
# changes with their contents, and prints "BUCKET PREFIX". Makes the bucket
# (versioned, private, encrypted) when there is none. What is there already is
# not sent again.
. "${BASH_SOURCE[0]%/*}/common.sh"

while [ $# -gt 0 ]; do
	common_option "$@" || wrong_usage "'$1' is no option"
	shift "$shifts"
done
settle

make_bucket()
{
	local place=() why

	cloud s3api head-bucket --bucket "$bucket" >/dev/null 2>&1 && return
	[ "$region" = us-east-1 ] || place=(--create-bucket-configuration \
	    "LocationConstraint=$region")
	why=$(cloud s3api create-bucket --bucket "$bucket" "${place[@]}" 2>&1) ||
		die "cannot make the bucket $bucket: $(tail -n 1 <<<"$why")"
	cloud s3api put-public-access-block --bucket "$bucket" \
	    --public-access-block-configuration BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
	cloud s3api put-bucket-versioning --bucket "$bucket" \
	    --versioning-configuration Status=Enabled
	cloud s3api put-bucket-encryption --bucket "$bucket" \
	    --server-side-encryption-configuration \
	    '{"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}'
	cloud s3api put-bucket-tagging --bucket "$bucket" --tagging \
	    'TagSet=[{Key=Project,Value=plot-palette},{Key=ManagedBy,Value=scripts},{Key=Component,Value=templates}]'
	log "made the bucket $bucket"
}

upload()
{
	local file there size

	there=$(cloud s3api list-objects-v2 --bucket "$bucket" \
	    --prefix "$hash/" | jq -c '[.Contents[]?.Key]')
	for file in "$infra"/cloudformation/*-stack.yaml; do
		size=$(wc -c <"$file")
		[ "$size" -le 1000000 ] ||
			die "$file has $size bytes; CloudFormation takes 1 MB"
		jq -e --arg k "$hash/${file##*/}" 'index($k)' <<<"$there" \
		    >/dev/null && continue
		cloud s3api put-object --bucket "$bucket" \
		    --key "$hash/${file##*/}" --body "$file" \
		    --content-type text/yaml >/dev/null
		log "sent ${file##*/}"
	done
}

need_credentials
bucket=$(templates_bucket)
hash=$(templates_hash)
make_bucket
upload
echo "$bucket $hash"
