"""The built functions of template.yaml on this machine, as Lambda runs them, without Docker."""
