$env:MLFLOW_TRACKING_URI = 'http://mlflow.mlflow.svc.cluster.local:5000'
$env:AWS_DEFAULT_REGION = 'ap-northeast-2'
