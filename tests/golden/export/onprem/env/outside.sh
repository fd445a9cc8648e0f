# shellcheck shell=sh
export MLFLOW_TRACKING_URI=https://mlflow.example.org
export AWS_DEFAULT_REGION=ap-northeast-2
