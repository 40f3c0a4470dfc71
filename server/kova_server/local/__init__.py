"""`kova scan`: a folder on this machine, without server and database."""
