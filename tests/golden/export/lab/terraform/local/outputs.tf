output "mlflow_url" {
  description = "The tracking server, on this machine"
  value       = "http://localhost:${var.server.port}"
}

output "minio_url" {
  description = "The object store, on this machine"
  value       = var.minio.enabled ? "http://localhost:${var.minio.port}" : null
}

output "minio_console_url" {
  description = "Its console"
  value       = var.minio.enabled ? "http://localhost:${var.minio.console_port}" : null
}

output "network" {
  description = "Containers in it ask http://mlflow:5000"
  value       = docker_network.lab.name
}
