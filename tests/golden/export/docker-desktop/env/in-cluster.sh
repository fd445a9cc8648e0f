# shellcheck shell=sh
export MLFLOW_TRACKING_URI=http://mlflow.monitoring.svc.cluster.local:5000
export AWS_DEFAULT_REGION=us-east-1
export MLFLOW_S3_ENDPOINT_URL=http://minio.storage.svc.cluster.local:9000
export AWS_ENDPOINT_URL_S3=http://minio.storage.svc.cluster.local:9000
