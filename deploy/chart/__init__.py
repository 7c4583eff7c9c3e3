"""A Helm chart of what Kustomize builds: the manifests stay the one source."""
