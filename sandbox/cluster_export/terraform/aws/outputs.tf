output "database_host" {
  description = "For --set database_host=…"
  value       = aws_db_instance.lab.address
}

output "database_secret" {
  description = "Entry of Secrets Manager with the password"
  value       = aws_db_instance.lab.master_user_secret[0].secret_arn
}

output "role_arn" {
  description = "For an EKS Pod Identity association of the tracking server's ServiceAccount"
  value       = aws_iam_role.mlflow.arn
}

output "user_name" {
  description = "For `aws iam create-access-key --user-name …`, for a cluster elsewhere"
  value       = aws_iam_user.mlflow.name
}

output "bucket_arns" {
  description = "The buckets"
  value       = { for name, bucket in aws_s3_bucket.lab : name => bucket.arn }
}
