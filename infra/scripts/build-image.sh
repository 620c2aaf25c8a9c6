#!/usr/bin/env bash
# usage: build-image.sh [--push] [--tag T] [--arch arm64|amd64]
#            [--models FILE] [OPTION...]
#        build-image.sh --rootfs DIR [--prefix PREFIX] [--models FILE]
# Builds the image of workers with buildah, podman or docker, whichever is
# there, for the architecture that the task definition asks for, and with
# --push sends it to the repository of the deployment. Tags cannot be moved:
# a new image needs a new --tag (the version) and then
# 'deploy.sh --set ImageTag=T'.
#
# --rootfs takes no engine: it gathers the image's file system out of an
# installation at PREFIX (/usr/local).
. "${BASH_SOURCE[0]%/*}/common.sh"

push=
tag=0.1.0
arch=
rootfs=
from=/usr/local
models=
while [ $# -gt 0 ]; do
	if common_option "$@"; then
		shift "$shifts"
		continue
	fi
	case $1 in
	--push) push=1; shift; continue ;;
	--tag | --arch | --rootfs | --prefix | --models) ;;
	*) wrong_usage "'$1' is no option" ;;
	esac
	[ $# -ge 2 ] || wrong_usage "$1 needs a value"
	case $1 in
	--tag) tag=$2 ;;
	--arch) arch=$2 ;;
	--rootfs) rootfs=$2 ;;
	--prefix) from=$2 ;;
	--models) models=$2 ;;
	esac
	shift 2
done

if [ -n "$rootfs" ]; then
	"$infra/container/collect-root" "$from" "$rootfs" ${models:+"$models"}
	good "$rootfs: $(du -sk "$rootfs" | cut -f 1) KiB"
	exit 0
fi

engine=
for tool in buildah podman docker; do
	if command -v "$tool" >/dev/null && "$tool" info >/dev/null 2>&1; then
		engine=$tool
		break
	fi
done
[ -n "$engine" ] || die 'no buildah, podman or docker that works here'
settle
if [ -z "$arch" ]; then
	case $(all_parameters | jq -r '(map(select(.ParameterKey ==
		"Architecture")) | .[0].ParameterValue) // "ARM64"') in
	ARM64) arch=arm64 ;;
	*) arch=amd64 ;;
	esac
fi
image=$prefix-worker:$tag
context=$(cd "$infra/.." && pwd)
if [ -n "$models" ]; then
	cmp -s "$models" "$context/share/models.yaml" ||
		die "put $models to share/models.yaml: the image is built from" \
		    'the tree'
fi
log "building $image for $arch with $engine"
"$engine" build --platform "linux/$arch" -t "$image" \
    --build-arg SOURCE_DATE_EPOCH=1767225600 \
    -f "$infra/container/Containerfile" "$context"
[ -n "$push" ] || exit 0
need_credentials
registry=$account.dkr.ecr.$region.$(url_suffix)
cloud ecr get-login-password --output text |
	"$engine" login --username AWS --password-stdin "$registry"
"$engine" tag "$image" "$registry/$image"
"$engine" push "$registry/$image"
good "pushed $registry/$image; now: infra/scripts/deploy.sh --update" \
    "--set ImageTag=$tag"
