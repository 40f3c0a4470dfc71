"""A durable local SQS: AWS's JSON protocol over SQLite (docs/adr/0003)."""
