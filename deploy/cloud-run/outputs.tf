output "address" {
  value       = google_cloud_run_v2_service.api.uri
  description = "Cloud Run's own address of the API."
}

output "database" {
  value = google_sql_database_instance.kova.connection_name
}

output "backups" {
  value = google_storage_bucket.backups.url
}
