# Runs at each new image, to its end, before API and workers are replaced: they depend on it.
resource "google_cloud_run_v2_job" "migrate" {
  name                = "kova-migrate"
  location            = var.region
  deletion_protection = false
  # A run has this name, and Cloud Run keeps those of before: to go back needs another generation.
  run_execution_token = "${substr(regex("[0-9a-f]{64}$", var.image), 0, 12)}-${var.generation}"
  depends_on          = [google_secret_manager_secret_iam_member.migrate, google_sql_user.kova, google_sql_database.kova]
  template {
    template {
      service_account = google_service_account.migrate.email
      timeout         = "600s"
      max_retries     = 1
      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.kova.id
          subnetwork = google_compute_subnetwork.kova.id
        }
      }
      containers {
        image = var.image
        args  = ["migrate"]
        resources {
          limits = { cpu = "1", memory = "512Mi" }
        }
        env {
          name  = "KOVA_ENV"
          value = "production"
        }
        env {
          name  = "KOVA_DATABASE_URL"
          value = local.database_url
        }
        env {
          name = "KOVA_DATABASE_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = "kova-database-password"
              version = "latest"
            }
          }
        }
        volume_mounts {
          name       = "database"
          mount_path = "/secrets/database"
        }
      }
      volumes {
        name = "database"
        secret {
          secret = "kova-database-ca"
          items {
            path    = "ca.pem"
            version = "latest"
          }
        }
      }
    }
  }
}

resource "google_cloud_run_v2_job" "backup" {
  name                = "kova-backup"
  location            = var.region
  deletion_protection = false
  depends_on          = [google_secret_manager_secret_iam_member.backup, google_storage_bucket_iam_member.backup]
  template {
    template {
      service_account       = google_service_account.backup.email
      execution_environment = "EXECUTION_ENVIRONMENT_GEN2"
      timeout               = "7200s"
      max_retries           = 2
      vpc_access {
        egress = "PRIVATE_RANGES_ONLY"
        network_interfaces {
          network    = google_compute_network.kova.id
          subnetwork = google_compute_subnetwork.kova.id
        }
      }
      containers {
        image = var.image
        args  = ["backup", "/backups", "--keep", "14"]
        resources {
          limits = { cpu = "1", memory = "1Gi" }
        }
        env {
          name  = "KOVA_ENV"
          value = "production"
        }
        env {
          name  = "KOVA_DATABASE_URL"
          value = local.database_url
        }
        env {
          name = "KOVA_DATABASE_PASSWORD"
          value_source {
            secret_key_ref {
              secret  = "kova-database-password"
              version = "latest"
            }
          }
        }
        volume_mounts {
          name       = "database"
          mount_path = "/secrets/database"
        }
        volume_mounts {
          name       = "backups"
          mount_path = "/backups"
        }
      }
      volumes {
        name = "database"
        secret {
          secret = "kova-database-ca"
          items {
            path    = "ca.pem"
            version = "latest"
          }
        }
      }
      volumes {
        name = "backups"
        gcs {
          bucket = google_storage_bucket.backups.name
        }
      }
    }
  }
}

resource "google_storage_bucket_iam_member" "backup" {
  bucket = google_storage_bucket.backups.name
  role   = "roles/storage.objectUser"
  member = google_service_account.backup.member
}

resource "google_cloud_run_v2_job_iam_member" "scheduler" {
  name     = google_cloud_run_v2_job.backup.name
  location = var.region
  role     = "roles/run.invoker"
  member   = google_service_account.scheduler.member
}

resource "google_cloud_scheduler_job" "backup" {
  name             = "kova-backup"
  region           = var.region
  schedule         = "17 2 * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "60s"
  retry_config {
    retry_count = 3
  }
  http_target {
    http_method = "POST"
    uri         = "https://run.googleapis.com/v2/projects/${var.project}/locations/${var.region}/jobs/${google_cloud_run_v2_job.backup.name}:run"
    oauth_token {
      service_account_email = google_service_account.scheduler.email
    }
  }
}
