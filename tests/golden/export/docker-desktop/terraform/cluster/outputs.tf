output "mlflow_url" {
  description = "The tracking server, for programs in the cluster"
  value       = "http://${var.service.name}.${var.service.namespace}.svc.cluster.local:${var.service.port}"
}

output "port_forward" {
  description = "The tracking server on this machine"
  value       = "kubectl -n ${var.service.namespace} port-forward service/${var.service.name} 5000:${var.service.port}"
}

output "chart_version" {
  description = "What is installed"
  value       = helm_release.mlflow.version
}
