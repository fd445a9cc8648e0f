#!/bin/sh
# The course's storage check, at the place where the course has it.
exec "$(dirname -- "$0")/../mlops-sandbox" verify storage "$@"
