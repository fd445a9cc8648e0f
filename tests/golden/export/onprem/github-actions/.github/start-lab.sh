#!/bin/sh
# Starts a lab for the rest of a job: tracking server on port 5000, S3 on port 9000, keys for this job
# alone. Later steps find it by the variables that MLflow and boto3 read.
set -eu

key=ci-job
secret=$(openssl rand -hex 20)
if [ -n "${GITHUB_ACTIONS:-}" ]; then echo "::add-mask::$secret"; fi
export MLOPS_SANDBOX_ACCESS_KEY="$key" MLOPS_SANDBOX_SECRET_KEY="$secret"
docker run --detach --name lab --network host \
  --env MLOPS_SANDBOX_ACCESS_KEY --env MLOPS_SANDBOX_SECRET_KEY \
  ghcr.io/your-name/mlops-sandbox:0.1.0 up --bucket mlflow-artifacts-keonho --bucket mlflow-artifacts --bucket tables

tries=60
until curl -fsS http://localhost:5000/health >/dev/null 2>&1; do
  tries=$((tries - 1))
  if [ "$tries" -eq 0 ]; then
    docker logs lab
    exit 1
  fi
  sleep 1
done

{
  echo MLFLOW_TRACKING_URI=http://localhost:5000
  echo MLFLOW_S3_ENDPOINT_URL=http://localhost:9000
  echo AWS_ENDPOINT_URL_S3=http://localhost:9000
  echo AWS_DEFAULT_REGION=us-east-1
  echo "AWS_ACCESS_KEY_ID=$key"
  echo "AWS_SECRET_ACCESS_KEY=$secret"
} >>"$GITHUB_ENV"
