$env:MLFLOW_TRACKING_URI = 'https://mlflow.example.org'
$env:AWS_DEFAULT_REGION = 'us-east-1'
