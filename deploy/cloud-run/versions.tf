# Kova on Cloud Run: docs/deploy-cloud-run.md goes through it.
terraform {
  # Write-only arguments, by which no password gets into the state.
  required_version = ">= 1.11"
  required_providers {
    google = { source = "hashicorp/google", version = "~> 8.7" }
    random = { source = "hashicorp/random", version = "~> 3.7" }
  }
  # A bucket of yours, named at `terraform init`: the state is as secret as what it describes.
  backend "gcs" {}
}

provider "google" {
  project = var.project
  region  = var.region
}

resource "google_project_service" "api" {
  for_each = toset([
    "cloudscheduler.googleapis.com", "compute.googleapis.com", "logging.googleapis.com",
    "monitoring.googleapis.com", "redis.googleapis.com", "run.googleapis.com",
    "secretmanager.googleapis.com", "servicenetworking.googleapis.com", "sqladmin.googleapis.com",
  ])
  service            = each.key
  disable_on_destroy = false
}
