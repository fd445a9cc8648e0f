# The lab's own stands in terraform.tfvars.json and values.yaml. No secret passes through Terraform.

variable "project" {
  description = "Name of the release"
  type        = string
}

variable "chart" {
  description = "Directory of the chart, seen from here"
  type        = string
}

variable "namespaces" {
  description = "Made where they are not there"
  type        = list(string)
}

variable "release_namespace" {
  description = "Namespace of the release: one of them"
  type        = string
}

variable "service" {
  description = "The tracking server's Service"
  type = object({
    name      = string
    namespace = string
    port      = number
  })
}

variable "more_values" {
  description = "YAML documents that change values.yaml; the last one wins"
  type        = list(string)
  default     = []
}

variable "kubeconfig" {
  description = "How to reach the cluster"
  type        = string
  default     = "~/.kube/config"
}

variable "kube_context" {
  description = "Context of that file; null takes its current one"
  type        = string
  default     = null
}
