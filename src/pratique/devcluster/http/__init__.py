"""The wire: HTTP requests in, JSON out; each module one part of the Kubernetes API's surface."""
