locals {
  # Without passwords, which are variables of their own.
  database_url = "postgresql://kova@${google_sql_database_instance.kova.private_ip_address}:5432/kova?sslmode=verify-ca&sslrootcert=/secrets/database/ca.pem"
  # Of this one instance, as the database's: its name has nothing to add.
  redis_url = "rediss://${google_redis_instance.kova.host}:${google_redis_instance.kova.port}/0?ssl_ca_certs=/secrets/redis/ca.pem&ssl_check_hostname=false"
  # Of API and workers alike.
  variables = {
    KOVA_ENV               = "production"
    KOVA_PUBLIC_URL        = var.public_url
    KOVA_GITHUB_API_URL    = var.github_api_url
    KOVA_ALLOWED_OWNERS    = var.allowed_owners
    KOVA_GITHUB_APP_FILE   = "/secrets/github/app.env"
    KOVA_DATABASE_URL      = local.database_url
    KOVA_DATABASE_POOL     = "5"
    KOVA_REDIS_URL         = local.redis_url
    KOVA_SCAN_QUEUE_URL    = var.queues.scan_url
    KOVA_FIX_QUEUE_URL     = var.queues.fix_url
    KOVA_COMMAND_QUEUE_URL = var.queues.command_url
    AWS_DEFAULT_REGION     = var.queues.region
    # Only workers look at it.
    KOVA_DELETED_REPOSITORY_DAYS = var.deleted_repository_days
    # Asks Google who it is, and AWS for credentials of an hour: there is no key.
    AWS_CONFIG_FILE = "/kova/lib/python3.13/site-packages/kova_server/google_credentials.ini"
  }
  secret_variables = {
    KOVA_DATABASE_PASSWORD = "kova-database-password"
    KOVA_REDIS_PASSWORD    = "kova-redis-password"
    KOVA_SECRETS_KEY       = "kova-secrets-key"
    KOVA_SIGNING_KEY       = "kova-signing-key"
  }
  files = {
    database = { secret = "kova-database-ca", name = "ca.pem" }
    redis    = { secret = "kova-redis-ca", name = "ca.pem" }
    github   = { secret = "kova-github-app", name = "app.env" }
  }
}

resource "google_cloud_run_v2_service" "api" {
  name                = "kova-api"
  location            = var.region
  ingress             = var.ingress
  deletion_protection = true
  # GitHub cannot sign in to Google: Kova itself asks for signatures and keys.
  invoker_iam_disabled = true
  depends_on           = [google_cloud_run_v2_job.migrate, google_secret_manager_secret_iam_member.api]
  template {
    service_account                  = data.google_service_account.api.email
    execution_environment            = "EXECUTION_ENVIRONMENT_GEN2"
    timeout                          = "60s"
    max_instance_request_concurrency = 80
    labels                           = { generation = var.generation }
    scaling {
      min_instance_count = var.api_least
      max_instance_count = var.api_most
    }
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.kova.id
        subnetwork = google_compute_subnetwork.kova.id
      }
    }
    containers {
      image = var.image
      args  = ["serve", "--host", "0.0.0.0"]
      ports {
        container_port = 8000
      }
      resources {
        limits            = { cpu = "1", memory = "1Gi" }
        cpu_idle          = true
        startup_cpu_boost = true
      }
      # Not /health: it says 503 while the database is away (docs/adr/0020).
      startup_probe {
        period_seconds    = 5
        timeout_seconds   = 4
        failure_threshold = 24
        http_get {
          path = "/docs"
        }
      }
      liveness_probe {
        period_seconds    = 10
        timeout_seconds   = 5
        failure_threshold = 6
        http_get {
          path = "/docs"
        }
      }
      # Google adds the address that a client has to what the client said, and a load balancer then
      # its own: https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
      env {
        name  = "KOVA_TRUSTED_PROXIES"
        value = var.ingress == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER" ? "2" : "1"
      }
      env {
        name  = "AWS_ROLE_ARN"
        value = var.queues.api_role
      }
      env {
        name = "KOVA_METRICS_TOKEN"
        value_source {
          secret_key_ref {
            secret  = "kova-metrics-token"
            version = "latest"
          }
        }
      }
      env {
        name  = "KOVA_GOOGLE_HOSTED_DOMAIN"
        value = var.google_hosted_domain
      }
      env {
        name  = "KOVA_ADMINS"
        value = var.admins
      }
      env {
        name  = "KOVA_MEMBERS"
        value = var.members
      }
      env {
        name  = "KOVA_VIEWERS"
        value = var.viewers
      }
      dynamic "env" {
        for_each = local.variables
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.secret_variables
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "env" {
        for_each = var.model_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "env" {
        for_each = var.chat_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "env" {
        for_each = var.sign_in_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "volume_mounts" {
        for_each = local.files
        content {
          name       = volume_mounts.key
          mount_path = "/secrets/${volume_mounts.key}"
        }
      }
    }
    dynamic "volumes" {
      for_each = local.files
      content {
        name = volumes.key
        secret {
          secret = volumes.value.secret
          items {
            path    = volumes.value.name
            version = "latest"
          }
        }
      }
    }
  }
}

# A pool has no address and no requests: its instances always have their processor.
resource "google_cloud_run_v2_worker_pool" "worker" {
  name                = "kova-worker"
  location            = var.region
  deletion_protection = true
  depends_on          = [google_cloud_run_v2_job.migrate, google_secret_manager_secret_iam_member.worker]
  scaling {
    manual_instance_count = var.workers
  }
  template {
    service_account = data.google_service_account.worker.email
    labels          = { generation = var.generation }
    vpc_access {
      egress = "PRIVATE_RANGES_ONLY"
      network_interfaces {
        network    = google_compute_network.kova.id
        subnetwork = google_compute_subnetwork.kova.id
      }
    }
    containers {
      image = var.image
      args  = ["worker"]
      # The trees that it scans are in memory too.
      resources {
        limits = { cpu = "2", memory = "4Gi" }
      }
      env {
        name  = "AWS_ROLE_ARN"
        value = var.queues.worker_role
      }
      # No program that reads one repository has another one beside it: gVisor has no Landlock, nor
      # namespaces, that would keep them apart (docs/adr/0029).
      env {
        name  = "KOVA_WORKER_CONCURRENCY"
        value = "1"
      }
      dynamic "env" {
        for_each = local.variables
        content {
          name  = env.key
          value = env.value
        }
      }
      dynamic "env" {
        for_each = local.secret_variables
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "env" {
        for_each = var.model_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "env" {
        for_each = var.chat_secrets
        content {
          name = env.key
          value_source {
            secret_key_ref {
              secret  = env.value
              version = "latest"
            }
          }
        }
      }
      dynamic "volume_mounts" {
        for_each = local.files
        content {
          name       = volume_mounts.key
          mount_path = "/secrets/${volume_mounts.key}"
        }
      }
    }
    dynamic "volumes" {
      for_each = local.files
      content {
        name = volumes.key
        secret {
          secret = volumes.value.secret
          items {
            path    = volumes.value.name
            version = "latest"
          }
        }
      }
    }
  }
}
