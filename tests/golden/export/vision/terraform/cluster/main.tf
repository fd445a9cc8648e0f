terraform {
  required_version = ">= 1.5"
  required_providers {
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = "~> 2.38"
    }
    helm = {
      source  = "hashicorp/helm"
      version = "~> 3.0"
    }
  }
}

provider "kubernetes" {
  config_path    = pathexpand(var.kubeconfig)
  config_context = var.kube_context
}

provider "helm" {
  kubernetes = {
    config_path    = pathexpand(var.kubeconfig)
    config_context = var.kube_context
  }
}

# With all that is in them; a namespace with data is not deleted by a plan.
resource "kubernetes_namespace_v1" "lab" {
  for_each = toset(var.namespaces)

  metadata {
    name = each.value
    labels = {
      "app.kubernetes.io/part-of"          = var.project
      "pod-security.kubernetes.io/enforce" = "restricted"
      "pod-security.kubernetes.io/warn"    = "restricted"
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "helm_release" "mlflow" {
  name      = var.project
  namespace = kubernetes_namespace_v1.lab[var.release_namespace].metadata[0].name
  chart     = "${path.module}/${var.chart}"
  values    = concat([file("${path.module}/values.yaml")], var.more_values)

  create_namespace = false
  atomic           = true
  timeout          = 900

  lifecycle {
    precondition {
      condition     = fileexists("${path.module}/${var.chart}/Chart.yaml")
      error_message = "The chart is not there: `mlops-sandbox export helm terraform` writes both."
    }
  }
  depends_on = [kubernetes_namespace_v1.lab]
}
