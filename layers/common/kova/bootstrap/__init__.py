"""The composition root: settings become a container of ready objects."""
