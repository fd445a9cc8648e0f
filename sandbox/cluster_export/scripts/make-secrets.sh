#!/bin/sh
# Gives the cluster the Secrets that the manifests name. The values come from variables of this
# shell; what is not set is asked for, and shown nowhere:
@{variables}#
#   ./make-secrets.sh             makes or replaces the Secrets with kubectl
#   ./make-secrets.sh --sealed    prints SealedSecrets (kubeseal), which may be committed
set -eu

seal() { cat; }
deliver() { kubectl apply -f -; }
case "${1:-}" in
  --sealed)
    seal() { kubeseal --format yaml; }
    deliver() { printf -- '---\n'; cat; }
    ;;
  '') ;;
  *)
    sed -n '2,/^set/p' "$0" | sed '$d' >&2
    exit 2
    ;;
esac

umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# need VARIABLE ABOUT: asks for the variable where it is not set.
need() {
  eval "known=\${$1:-}"
  if [ -z "$known" ]; then
    if [ ! -t 0 ]; then
      printf 'make-secrets.sh: set %s: %s.\n' "$1" "$2" >&2
      exit 1
    fi
    printf '%s (%s): ' "$1" "$2" >&2
    trap 'stty echo; exit 1' INT TERM
    stty -echo
    IFS= read -r known
    stty echo
    trap 'exit 1' INT TERM
    printf '\n' >&2
    [ -n "$known" ] || { printf 'make-secrets.sh: %s is empty.\n' "$1" >&2; exit 1; }
  fi
  eval "$1=\$known"
}

# Text as it may stand in a URI: every byte as %XX.
encoded() { printf %s "$1" | od -An -v -tx1 | tr -d ' \n' | sed 's/../%&/g'; }

# The same in a file that Python's configparser reads, where % begins a reference.
encoded_for_ini() { encoded "$1" | sed 's/%/%%/g'; }

# secret NAMESPACE NAME KEY VALUE …: values go through files, so that no list of processes has them.
secret() {
  namespace=$1
  name=$2
  shift 2
  rm -rf "$work/keys"
  mkdir "$work/keys"
  while [ $# -gt 0 ]; do
    printf %s "$2" >"$work/keys/$1"
    shift 2
  done
  kubectl create secret generic "$name" --namespace "$namespace" --from-file="$work/keys" \
    --dry-run=client -o yaml >"$work/secret.yaml"
  @{sealing} | deliver
}

@{needs}
@{secrets}
