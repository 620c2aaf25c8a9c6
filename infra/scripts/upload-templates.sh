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

need_credentials
upload_templates
echo "$bucket $hash"
