#!/bin/sh
# Makes .env beside this file, for nobody else to read. A value comes from the variable of this shell
# by its name, or is a new random one. An .env that is there stays as it is.
set -eu
cd "$(dirname "$0")"

if [ -e .env ]; then
  echo 'make-env.sh: .env is there and stays as it is.' >&2
  exit 0
fi

umask 077
new=$(mktemp ./.env.XXXXXX)
trap 'rm -f "$new"' EXIT
trap 'exit 1' HUP INT TERM

# Twice as many letters as bytes.
random() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# Single quotes keep $ as it is; what would end them cannot be written in such a file.
put() {
  case "$2" in
    *\'* | *\\* | *'
'*)
      printf "make-env.sh: %s has a quote, a backslash or a line's end: choose another.\n" "$1" >&2
      exit 1
      ;;
  esac
  printf "%s='%s'\n" "$1" "$2" >>"$new"
}

# Of a service that this lab does not start: only its owner knows the value.
need() {
  eval "known=\${$1:-}"
  [ -n "$known" ] || { printf 'make-env.sh: set %s: %s.\n' "$1" "$2" >&2; exit 1; }
  put "$1" "$known"
}

# own VARIABLE BYTES
own() {
  eval "known=\${$1:-}"
  put "$1" "${known:-$(random "$2")}"
}

need DATABASE_PASSWORD 'password of PostgreSQL'\''s role mlflow_user'
need S3_ACCESS_KEY 'access key of the S3 service'
need S3_SECRET_KEY 'secret key of the S3 service'

# Fails where another one has been quicker.
ln "$new" .env
echo 'make-env.sh: .env is made. It is the only place with these passwords.' >&2
