# What is not secret stands in terraform.tfvars.json.

variable "project" {
  description = "Network, and the beginning of every container's name"
  type        = string
}

variable "tools_image" {
  description = "MLflow's image, of the version of the metadata: it prepares the stores"
  type        = string
}

variable "server" {
  description = "The tracking server"
  type = object({
    image         = string
    command       = list(string)
    environment   = map(string)
    backend_uri   = string
    health        = list(string)
    port          = number
    user          = string
    volume        = string
    upgrade       = bool
    users         = bool
    settings_file = bool
  })
}

variable "s3" {
  description = "The object store, and the buckets that have to be there; an empty endpoint is AWS"
  type = object({
    endpoint = string
    region   = string
    buckets  = list(string)
  })
}

variable "postgres" {
  description = "PostgreSQL in a container"
  type = object({
    enabled  = bool
    image    = string
    user     = string
    database = string
  })
}

variable "minio" {
  description = "MinIO in a container"
  type = object({
    enabled      = bool
    image        = string
    port         = number
    console_port = number
  })
}

variable "database_password" {
  description = "Password of PostgreSQL's role; none with SQLite"
  type        = string
  sensitive   = true
  default     = null
}

variable "s3_access_key" {
  description = "Access key of the object store: MinIO's user"
  type        = string
  sensitive   = true
}

variable "s3_secret_key" {
  description = "Secret key of the object store: MinIO's password, 8 characters or more"
  type        = string
  sensitive   = true
}

variable "mlflow_admin_password" {
  description = "Password of the user admin, where users log in"
  type        = string
  sensitive   = true
  default     = null
}

variable "mlflow_flask_key" {
  description = "Any long random text that signs sessions, where users log in"
  type        = string
  sensitive   = true
  default     = null
}
