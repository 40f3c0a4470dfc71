"""The pages for people: `GET /` and /ui, rendered here."""
