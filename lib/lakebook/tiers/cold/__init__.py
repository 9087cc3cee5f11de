"""Cold: archives of partitions, named by their manifests, and how they come back."""
