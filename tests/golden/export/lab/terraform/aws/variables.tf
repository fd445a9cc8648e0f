# The lab's own stands in terraform.tfvars.json; the rest is asked for, or has a default.

variable "project" {
  description = "Beginning of names"
  type        = string
}

variable "region" {
  description = "Where everything is"
  type        = string
}

variable "buckets" {
  description = "Buckets of the lab; the one of the artifacts first"
  type        = list(string)
}

variable "database" {
  description = "PostgreSQL"
  type = object({
    name        = string
    user        = string
    port        = number
    storage_gib = number
  })
}

variable "client_networks" {
  description = "IPv4 networks that may connect to the database"
  type        = list(string)
}

variable "vpc_id" {
  description = "VPC of the database"
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of two availability zones or more"
  type        = list(string)
}

variable "eks_node_role_name" {
  description = "Role of the nodes of EKS, where its pods use that; else null"
  type        = string
  default     = null
}

variable "postgres_version" {
  description = "Major version of PostgreSQL"
  type        = string
  default     = "16"
}

variable "instance_class" {
  description = "Size of the database"
  type        = string
  default     = "db.t4g.small"
}

variable "multi_az" {
  description = "A second database that takes over"
  type        = bool
  default     = false
}
