"""The local stack: real Postgres, real Valkey and an SQS API, without Docker."""
