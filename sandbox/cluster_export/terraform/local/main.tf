terraform {
  required_version = ">= 1.5"
  required_providers {
    docker = {
      source  = "kreuzwerker/docker"
      version = "~> 3.6"
    }
  }
}

provider "docker" {}

locals {
  postgres = var.postgres.enabled ? 1 : 0
  minio    = var.minio.enabled ? 1 : 0
  upgrade  = var.server.upgrade ? 1 : 0

  # libpq reads PGPASSWORD, so that no character of the password has to be encoded.
  database_environment = concat(
    ["MLFLOW_BACKEND_STORE_URI=${var.server.backend_uri}"],
    var.database_password == null ? [] : ["PGPASSWORD=${var.database_password}"],
  )
  object_keys = [
    "AWS_ACCESS_KEY_ID=${var.s3_access_key}",
    "AWS_SECRET_ACCESS_KEY=${var.s3_secret_key}",
  ]
  user_keys = concat(
    var.mlflow_admin_password == null ? [] : ["MLFLOW_AUTH_ADMIN_PASSWORD=${var.mlflow_admin_password}"],
    var.mlflow_flask_key == null ? [] : ["MLFLOW_FLASK_SERVER_SECRET_KEY=${var.mlflow_flask_key}"],
  )
}

resource "docker_network" "lab" {
  name = var.project
}

resource "docker_image" "server" {
  name         = var.server.image
  keep_locally = true
}

resource "docker_image" "tools" {
  name         = var.tools_image
  keep_locally = true
}

resource "docker_image" "postgres" {
  count        = local.postgres
  name         = var.postgres.image
  keep_locally = true
}

resource "docker_image" "minio" {
  count        = local.minio
  name         = var.minio.image
  keep_locally = true
}

# Data outlives the containers; `terraform destroy` is refused while these are here.
resource "docker_volume" "server" {
  count = var.server.volume == null ? 0 : 1
  name  = "${var.project}-mlflow-data"
  lifecycle {
    prevent_destroy = true
  }
}

resource "docker_volume" "postgres" {
  count = local.postgres
  name  = "${var.project}-postgres-data"
  lifecycle {
    prevent_destroy = true
  }
}

resource "docker_volume" "minio" {
  count = local.minio
  name  = "${var.project}-minio-data"
  lifecycle {
    prevent_destroy = true
  }
}

resource "docker_container" "postgres" {
  count    = local.postgres
  name     = "${var.project}-postgres"
  image    = docker_image.postgres[0].image_id
  user     = "999:999"
  restart  = "unless-stopped"
  wait     = true
  must_run = true

  read_only     = true
  security_opts = ["no-new-privileges:true"]
  tmpfs = {
    "/tmp"                = ""
    "/var/run/postgresql" = ""
  }

  env = [
    "POSTGRES_USER=${var.postgres.user}",
    "POSTGRES_DB=${var.postgres.database}",
    "POSTGRES_PASSWORD=${var.database_password}",
    "PGDATA=/var/lib/postgresql/data/pgdata",
  ]

  capabilities {
    drop = ["ALL"]
  }
  healthcheck {
    test         = ["CMD", "pg_isready", "-h", "127.0.0.1", "-U", var.postgres.user, "-d", var.postgres.database]
    interval     = "5s"
    timeout      = "5s"
    retries      = 6
    start_period = "5m"
  }
  networks_advanced {
    name    = docker_network.lab.name
    aliases = ["postgres"]
  }
  volumes {
    volume_name    = docker_volume.postgres[0].name
    container_path = "/var/lib/postgresql/data"
  }

  lifecycle {
    precondition {
      condition     = var.database_password != null
      error_message = "Set TF_VAR_database_password: the password of PostgreSQL's role."
    }
  }
}

resource "docker_container" "minio" {
  count    = local.minio
  name     = "${var.project}-minio"
  image    = docker_image.minio[0].image_id
  command  = ["server", "/data", "--console-address", ":9001"]
  restart  = "unless-stopped"
  wait     = true
  must_run = true

  read_only     = true
  security_opts = ["no-new-privileges:true"]
  tmpfs = {
    "/tmp" = ""
  }

  env = [
    "MINIO_ROOT_USER=${var.s3_access_key}",
    "MINIO_ROOT_PASSWORD=${var.s3_secret_key}",
    "MINIO_REGION=${var.s3.region}",
    "HOME=/tmp",
  ]

  capabilities {
    drop = ["ALL"]
  }
  healthcheck {
    test         = ["CMD", "mc", "ready", "local"]
    interval     = "5s"
    timeout      = "5s"
    retries      = 6
    start_period = "5m"
  }
  networks_advanced {
    name    = docker_network.lab.name
    aliases = ["minio"]
  }
  ports {
    internal = 9000
    external = var.minio.port
    ip       = "127.0.0.1"
  }
  ports {
    internal = 9001
    external = var.minio.console_port
    ip       = "127.0.0.1"
  }
  volumes {
    volume_name    = docker_volume.minio[0].name
    container_path = "/data"
  }
}

# Runs once for each image and end of its command; what is there stays.
resource "docker_container" "make_buckets" {
  name  = "${var.project}-make-buckets"
  image = docker_image.tools.image_id
  # The image's own entry point, if it has one, is none of these.
  entrypoint = concat(["python", "/scripts/make_buckets.py"], var.s3.buckets)
  user       = "10001:10001"
  must_run   = false
  attach     = true
  logs       = true

  read_only     = true
  security_opts = ["no-new-privileges:true"]
  tmpfs = {
    "/tmp" = ""
  }

  env = concat(
    ["HOME=/tmp", "AWS_DEFAULT_REGION=${var.s3.region}"],
    var.s3.endpoint == "" ? [] : ["MLFLOW_S3_ENDPOINT_URL=${var.s3.endpoint}"],
    local.object_keys,
  )

  capabilities {
    drop = ["ALL"]
  }
  networks_advanced {
    name = docker_network.lab.name
  }
  volumes {
    host_path      = abspath("${path.module}/scripts")
    container_path = "/scripts"
    read_only      = true
  }

  lifecycle {
    postcondition {
      condition     = self.exit_code == 0
      error_message = "The buckets could not be made: ${coalesce(self.container_logs, "no log")}"
    }
  }
  depends_on = [docker_container.minio]
}

resource "docker_container" "upgrade_database" {
  count      = local.upgrade
  name       = "${var.project}-upgrade-database"
  image      = docker_image.tools.image_id
  entrypoint = ["python", "/scripts/upgrade_database.py"]
  user       = var.server.user
  must_run   = false
  attach     = true
  logs       = true

  read_only     = true
  security_opts = ["no-new-privileges:true"]
  tmpfs = {
    "/tmp" = ""
  }

  env = concat(
    ["HOME=/tmp"],
    local.database_environment,
    var.server.settings_file ? ["MLFLOW_AUTH_CONFIG_PATH=/etc/mlflow/basic-auth.ini"] : [],
  )

  capabilities {
    drop = ["ALL"]
  }
  networks_advanced {
    name = docker_network.lab.name
  }
  volumes {
    host_path      = abspath("${path.module}/scripts")
    container_path = "/scripts"
    read_only      = true
  }
  dynamic "volumes" {
    for_each = docker_volume.server
    content {
      volume_name    = volumes.value.name
      container_path = var.server.volume
    }
  }
  dynamic "volumes" {
    for_each = var.server.settings_file ? ["basic-auth.ini"] : []
    content {
      host_path      = abspath("${path.module}/${volumes.value}")
      container_path = "/etc/mlflow/${volumes.value}"
      read_only      = true
    }
  }

  lifecycle {
    postcondition {
      condition     = self.exit_code == 0
      error_message = "The database could not be upgraded: ${coalesce(self.container_logs, "no log")}"
    }
  }
  depends_on = [docker_container.postgres]
}

resource "docker_container" "mlflow" {
  name       = "${var.project}-mlflow"
  image      = docker_image.server.image_id
  entrypoint = var.server.command
  user       = var.server.user
  restart    = "unless-stopped"
  wait       = true
  must_run   = true

  read_only     = true
  security_opts = ["no-new-privileges:true"]
  tmpfs = {
    "/tmp" = ""
  }

  env = concat(
    [for name, value in var.server.environment : "${name}=${value}"],
    local.database_environment,
    local.object_keys,
    local.user_keys,
  )

  capabilities {
    drop = ["ALL"]
  }
  healthcheck {
    test         = concat(["CMD"], var.server.health)
    interval     = "10s"
    timeout      = "5s"
    retries      = 6
    start_period = "5m"
  }
  networks_advanced {
    name    = docker_network.lab.name
    aliases = ["mlflow"]
  }
  ports {
    internal = 5000
    external = var.server.port
    ip       = "127.0.0.1"
  }
  dynamic "volumes" {
    for_each = docker_volume.server
    content {
      volume_name    = volumes.value.name
      container_path = var.server.volume
    }
  }
  dynamic "volumes" {
    for_each = var.server.settings_file ? ["basic-auth.ini"] : []
    content {
      host_path      = abspath("${path.module}/${volumes.value}")
      container_path = "/etc/mlflow/${volumes.value}"
      read_only      = true
    }
  }

  lifecycle {
    precondition {
      condition     = var.database_password != null || startswith(var.server.backend_uri, "sqlite:")
      error_message = "Set TF_VAR_database_password: the password of PostgreSQL's role."
    }
    # Without one MLflow would take a password that everybody knows.
    precondition {
      condition     = var.mlflow_admin_password != null || !var.server.users
      error_message = "Set TF_VAR_mlflow_admin_password: the password of the user admin."
    }
    precondition {
      condition     = var.mlflow_flask_key != null || !var.server.settings_file
      error_message = "Set TF_VAR_mlflow_flask_key: any long random text that signs sessions."
    }
  }
  depends_on = [docker_container.upgrade_database, docker_container.make_buckets]
}
