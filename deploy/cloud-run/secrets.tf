# One secret for each purpose. What is generated is written once and never gets into the state.
locals {
  generated = toset(["database-password", "secrets-key", "signing-key", "metrics-token"])
  # What others make, or what is no secret and has to be a file.
  stored = {
    redis-password = google_redis_instance.kova.auth_string
    redis-ca       = google_redis_instance.kova.server_ca_certs[0].cert
    database-ca    = google_sql_database_instance.kova.server_ca_cert[0].cert
    github-app     = "# The GitHub App: docs/deploy-cloud-run.md\n"
  }
  # By service account, the secrets that it may read.
  readers = {
    api     = toset(["database-password", "database-ca", "redis-password", "redis-ca", "secrets-key", "signing-key", "metrics-token", "github-app"])
    worker  = toset(["database-password", "database-ca", "redis-password", "redis-ca", "secrets-key", "signing-key", "github-app"])
    migrate = toset(["database-password", "database-ca"])
    backup  = toset(["database-password", "database-ca"])
  }
}

resource "google_secret_manager_secret" "generated" {
  for_each            = local.generated
  secret_id           = "kova-${each.key}"
  deletion_protection = true
  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}

ephemeral "random_password" "generated" {
  for_each = local.generated
  length   = 48
  special  = false
}

resource "google_secret_manager_secret_version" "generated" {
  for_each               = local.generated
  secret                 = google_secret_manager_secret.generated[each.key].id
  secret_data_wo         = ephemeral.random_password.generated[each.key].result
  secret_data_wo_version = "1"
}

# As it is stored, so that a second try after a failure has the same one.
ephemeral "google_secret_manager_secret_version" "database_password" {
  secret  = google_secret_manager_secret.generated["database-password"].id
  version = google_secret_manager_secret_version.generated["database-password"].version
}

resource "google_secret_manager_secret" "stored" {
  for_each  = local.stored
  secret_id = "kova-${each.key}"
  replication {
    auto {}
  }
  depends_on = [google_project_service.api]
}

resource "google_secret_manager_secret_version" "stored" {
  for_each    = local.stored
  secret      = google_secret_manager_secret.stored[each.key].id
  secret_data = each.value
}

resource "google_secret_manager_secret_iam_member" "api" {
  for_each   = local.readers.api
  secret_id  = "kova-${each.key}"
  role       = "roles/secretmanager.secretAccessor"
  member     = data.google_service_account.api.member
  depends_on = [google_secret_manager_secret_version.generated, google_secret_manager_secret_version.stored]
}

resource "google_secret_manager_secret_iam_member" "worker" {
  for_each   = local.readers.worker
  secret_id  = "kova-${each.key}"
  role       = "roles/secretmanager.secretAccessor"
  member     = data.google_service_account.worker.member
  depends_on = [google_secret_manager_secret_version.generated, google_secret_manager_secret_version.stored]
}

resource "google_secret_manager_secret_iam_member" "migrate" {
  for_each   = local.readers.migrate
  secret_id  = "kova-${each.key}"
  role       = "roles/secretmanager.secretAccessor"
  member     = google_service_account.migrate.member
  depends_on = [google_secret_manager_secret_version.generated, google_secret_manager_secret_version.stored]
}

resource "google_secret_manager_secret_iam_member" "backup" {
  for_each   = local.readers.backup
  secret_id  = "kova-${each.key}"
  role       = "roles/secretmanager.secretAccessor"
  member     = google_service_account.backup.member
  depends_on = [google_secret_manager_secret_version.generated, google_secret_manager_secret_version.stored]
}

resource "google_secret_manager_secret_iam_member" "models_of_api" {
  for_each  = var.model_secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = data.google_service_account.api.member
}

resource "google_secret_manager_secret_iam_member" "models_of_worker" {
  for_each  = var.model_secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = data.google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "chats_of_api" {
  for_each  = var.chat_secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = data.google_service_account.api.member
}

resource "google_secret_manager_secret_iam_member" "chats_of_worker" {
  for_each  = var.chat_secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = data.google_service_account.worker.member
}

resource "google_secret_manager_secret_iam_member" "sign_in_of_api" {
  for_each  = var.sign_in_secrets
  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = data.google_service_account.api.member
}

# Made before all of this, by hand: AWS has to know them (queues.yaml).
data "google_service_account" "api" {
  account_id = "kova-api"
}

data "google_service_account" "worker" {
  account_id = "kova-worker"
}

resource "google_service_account" "migrate" {
  account_id   = "kova-migrate"
  display_name = "The migration of Kova"
}

resource "google_service_account" "backup" {
  account_id   = "kova-backup"
  display_name = "The backup of Kova"
}

resource "google_service_account" "scheduler" {
  account_id   = "kova-scheduler"
  display_name = "Starts the backup of Kova"
}
