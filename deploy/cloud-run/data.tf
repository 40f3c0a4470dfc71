resource "google_sql_database_instance" "kova" {
  name                = "kova"
  region              = var.region
  database_version    = "POSTGRES_18"
  deletion_protection = true
  depends_on          = [google_service_networking_connection.services]
  settings {
    edition                     = "ENTERPRISE"
    tier                        = var.database_tier
    availability_type           = var.database_availability
    disk_type                   = "PD_SSD"
    disk_size                   = 10
    disk_autoresize             = true
    disk_autoresize_limit       = 200
    deletion_protection_enabled = true
    ip_configuration {
      ipv4_enabled    = false
      private_network = google_compute_network.kova.id
      ssl_mode        = "ENCRYPTED_ONLY"
      # Of this one instance: who shows a certificate of it is this instance.
      server_ca_mode = "GOOGLE_MANAGED_INTERNAL_CA"
    }
    backup_configuration {
      enabled                        = true
      point_in_time_recovery_enabled = true
      start_time                     = "01:00"
      transaction_log_retention_days = 7
      backup_retention_settings {
        retained_backups = 14
        retention_unit   = "COUNT"
      }
    }
    insights_config {
      query_insights_enabled = true
    }
    database_flags {
      name  = "log_min_duration_statement"
      value = "1000"
    }
    database_flags {
      name  = "log_connections"
      value = "on"
    }
    database_flags {
      name  = "log_disconnections"
      value = "on"
    }
    database_flags {
      name  = "log_lock_waits"
      value = "on"
    }
    database_flags {
      name  = "log_checkpoints"
      value = "on"
    }
  }
}

resource "google_sql_database" "kova" {
  name     = "kova"
  instance = google_sql_database_instance.kova.name
}

resource "google_sql_user" "kova" {
  name                = "kova"
  instance            = google_sql_database_instance.kova.name
  password_wo         = ephemeral.google_secret_manager_secret_version.database_password.secret_data
  password_wo_version = 1
}

# Memorystore for Valkey knows no password, only tokens of an hour, which Kova does not ask for.
resource "google_redis_instance" "kova" {
  name                    = "kova"
  region                  = var.region
  tier                    = var.cache_tier
  memory_size_gb          = 1
  redis_version           = "REDIS_7_2"
  authorized_network      = google_compute_network.kova.id
  connect_mode            = "PRIVATE_SERVICE_ACCESS"
  auth_enabled            = true
  transit_encryption_mode = "SERVER_AUTHENTICATION"
  redis_configs           = { maxmemory-policy = "volatile-ttl" }
  depends_on              = [google_service_networking_connection.services]
}

# Copies of the database that need no Cloud SQL to be read; the instance's own backups come first.
resource "google_storage_bucket" "backups" {
  name                        = "${var.project}-kova-backups"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning {
    enabled = true
  }
  lifecycle_rule {
    action {
      type = "Delete"
    }
    condition {
      days_since_noncurrent_time = 14
    }
  }
}
