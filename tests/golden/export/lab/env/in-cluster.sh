# shellcheck shell=sh
export MLFLOW_TRACKING_URI=http://mlflow-server-service.mlflow-system.svc.cluster.local:5000
export AWS_DEFAULT_REGION=us-east-1
export MLFLOW_S3_ENDPOINT_URL=http://minio-service.kubeflow.svc.cluster.local:9000
export AWS_ENDPOINT_URL_S3=http://minio-service.kubeflow.svc.cluster.local:9000
