terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 6.0"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = {
      Project = var.project
    }
  }
}

# The files of runs and models.

resource "aws_s3_bucket" "lab" {
  for_each = toset(var.buckets)
  bucket   = each.value
  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_versioning" "lab" {
  for_each = aws_s3_bucket.lab
  bucket   = each.value.id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_public_access_block" "lab" {
  for_each                = aws_s3_bucket.lab
  bucket                  = each.value.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "lab" {
  for_each = aws_s3_bucket.lab
  bucket   = each.value.id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

# Who may read and write them. The policy is a file, so that `aws iam put-role-policy` takes it too.

resource "aws_iam_policy" "artifacts" {
  name        = "${var.project}-MLflowS3Access"
  description = "Read and write the files of the lab"
  policy      = file("${path.module}/mlflow-s3-access.json")
}

# For pods of EKS, by Pod Identity: no key anywhere.
resource "aws_iam_role" "mlflow" {
  name = "${var.project}-mlflow"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy_attachment" "mlflow" {
  role       = aws_iam_role.mlflow.name
  policy_arn = aws_iam_policy.artifacts.arn
}

# Where all pods of EKS share the nodes' role.
resource "aws_iam_role_policy_attachment" "nodes" {
  count      = var.eks_node_role_name == null ? 0 : 1
  role       = var.eks_node_role_name
  policy_arn = aws_iam_policy.artifacts.arn
}

# For a cluster elsewhere: its keys are made by `aws iam create-access-key`, so that none is in the
# state.
resource "aws_iam_user" "mlflow" {
  name = "${var.project}-mlflow"
}

resource "aws_iam_user_policy_attachment" "mlflow" {
  user       = aws_iam_user.mlflow.name
  policy_arn = aws_iam_policy.artifacts.arn
}

# The metadata.

resource "aws_db_subnet_group" "lab" {
  name       = var.project
  subnet_ids = var.subnet_ids
}

resource "aws_security_group" "database" {
  name        = "${var.project}-database"
  description = "PostgreSQL of the lab"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "database" {
  for_each          = toset(var.client_networks)
  security_group_id = aws_security_group.database.id
  description       = "The cluster"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.database.port
  to_port           = var.database.port
}

resource "aws_db_parameter_group" "lab" {
  name   = var.project
  family = "postgres${var.postgres_version}"
  parameter {
    name  = "rds.force_ssl"
    value = "1"
  }
}

resource "aws_db_instance" "lab" {
  identifier     = var.project
  engine         = "postgres"
  engine_version = var.postgres_version
  instance_class = var.instance_class
  db_name        = var.database.name
  username       = var.database.user
  port           = var.database.port

  # The password is made and kept by Secrets Manager: it is in no file and in no state.
  manage_master_user_password = true

  allocated_storage     = var.database.storage_gib
  max_allocated_storage = var.database.storage_gib * 4
  storage_type          = "gp3"
  storage_encrypted     = true

  db_subnet_group_name   = aws_db_subnet_group.lab.name
  vpc_security_group_ids = [aws_security_group.database.id]
  parameter_group_name   = aws_db_parameter_group.lab.name
  publicly_accessible    = false
  multi_az               = var.multi_az

  backup_retention_period   = 7
  copy_tags_to_snapshot     = true
  deletion_protection       = true
  skip_final_snapshot       = false
  final_snapshot_identifier = "${var.project}-final"

  lifecycle {
    prevent_destroy = true
  }
}
