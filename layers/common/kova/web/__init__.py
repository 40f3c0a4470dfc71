"""HTTP: the application factory, authentication, problems and routes."""
