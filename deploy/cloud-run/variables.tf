variable "project" {
  type        = string
  description = "The id of a project of Google Cloud that has nothing else in it."
}

variable "region" {
  type    = string
  default = "europe-west3"
}

variable "image" {
  type        = string
  description = "The image of Kova in Artifact Registry, by digest."
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "Name the image by its digest: REGISTRY/kova@sha256:..."
  }
}

variable "public_url" {
  type        = string
  description = "The address under which GitHub and people reach it, such as https://kova.example.com."
}

variable "github_api_url" {
  type    = string
  default = "https://api.github.com"
}

variable "allowed_owners" {
  description = "Accounts on GitHub that Kova works for, with commas between them; without any, all that install the App."
  type        = string
  default     = ""
}

variable "deleted_repository_days" {
  description = "Days after which the rows of a repository that was deleted on GitHub are deleted too."
  type        = string
  default     = "30"
}

variable "google_hosted_domain" {
  description = "The Google Workspace whose people may sign in, such as example.com."
  type        = string
  default     = ""
}

variable "admins" {
  description = "Who may do everything: ann@example.com, @example.com, github:login, with commas between them."
  type        = string
  default     = ""
}

variable "members" {
  description = "Who may scan, publish and ask, in the same form."
  type        = string
  default     = ""
}

variable "viewers" {
  description = "Who may look, in the same form."
  type        = string
  default     = ""
}

variable "queues" {
  description = "Outputs of the stack deploy/cloud-run/queues.yaml in an account of AWS."
  type = object({
    region      = string
    scan_url    = string
    fix_url     = string
    command_url = string
    api_role    = string
    worker_role = string
  })
}

variable "model_secrets" {
  type        = map(string)
  default     = {}
  description = "Secrets with keys of models, by variable: { OPENAI_API_KEY = \"openai\" }."
}

variable "chat_secrets" {
  type        = map(string)
  default     = {}
  description = "Secrets of Slack and Google Chat, by variable: { SLACK_BOT_TOKEN = \"slack-token\" }."
  validation {
    condition     = alltrue([for name in keys(var.chat_secrets) : contains(["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "KOVA_SLACK_CHANNEL", "KOVA_GOOGLE_CHAT_WEBHOOK_URL"], name)])
    error_message = "SLACK_BOT_TOKEN, SLACK_SIGNING_SECRET, KOVA_SLACK_CHANNEL and KOVA_GOOGLE_CHAT_WEBHOOK_URL."
  }
}

variable "sign_in_secrets" {
  type        = map(string)
  default     = {}
  description = "Secrets of Google's client, by which people sign in and export, by variable: { GOOGLE_CLIENT_ID = \"google-id\" }."
  validation {
    condition     = alltrue([for name in keys(var.sign_in_secrets) : contains(["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"], name)])
    error_message = "GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET."
  }
}

variable "generation" {
  type        = string
  default     = "1"
  description = "Another value makes new revisions, which read the newest versions of all secrets, and migrates again."
  validation {
    condition     = can(regex("^[0-9a-z]{1,12}$", var.generation))
    error_message = "Twelve small letters and digits at most."
  }
}

variable "ingress" {
  type        = string
  default     = "INGRESS_TRAFFIC_ALL"
  description = "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER behind a load balancer of yours with Cloud Armor."
}

variable "api_least" {
  type    = number
  default = 1
}

variable "api_most" {
  type        = number
  default     = 3
  description = "Each has up to five database connections."
}

variable "workers" {
  type        = number
  default     = 1
  description = "Each has up to five database connections; at least one does what is due from time to time."
  validation {
    condition     = var.workers >= 1
    error_message = "One worker at least."
  }
}

variable "database_tier" {
  type    = string
  default = "db-f1-micro"
}

variable "database_availability" {
  type        = string
  default     = "ZONAL"
  description = "REGIONAL survives a zone, for twice the price."
}

variable "cache_tier" {
  type        = string
  default     = "BASIC"
  description = "STANDARD_HA survives a zone."
}

variable "alarm_email" {
  type = string
}

variable "log_days" {
  type    = number
  default = 30
}
