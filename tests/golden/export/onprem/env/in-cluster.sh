# shellcheck shell=sh
export MLFLOW_TRACKING_URI=http://mlflow.mlflow.svc.cluster.local:5000
export AWS_DEFAULT_REGION=ap-northeast-2
