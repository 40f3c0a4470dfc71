# Database and cache have private addresses alone. What goes to the internet needs no way through
# this network: Cloud Run has its own.
resource "google_compute_network" "kova" {
  name                    = "kova"
  auto_create_subnetworks = false
  depends_on              = [google_project_service.api]
}

resource "google_compute_subnetwork" "kova" {
  name                     = "kova"
  network                  = google_compute_network.kova.id
  region                   = var.region
  ip_cidr_range            = "10.31.0.0/22"
  private_ip_google_access = true
  log_config {
    aggregation_interval = "INTERVAL_10_MIN"
    flow_sampling        = 0.1
    metadata             = "INCLUDE_ALL_METADATA"
  }
}

resource "google_compute_global_address" "services" {
  name          = "kova-services"
  network       = google_compute_network.kova.id
  purpose       = "VPC_PEERING"
  address_type  = "INTERNAL"
  prefix_length = 20
}

resource "google_service_networking_connection" "services" {
  network                 = google_compute_network.kova.id
  service                 = "servicenetworking.googleapis.com"
  reserved_peering_ranges = [google_compute_global_address.services.name]
}
