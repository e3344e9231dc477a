//go:build peer

// Package kubernetes names what scripts/peers builds out of this module: kube-apiserver, with the staging
// modules that its release was made of. Nothing of it is part of Pratique.
package kubernetes

import _ "k8s.io/kubernetes/cmd/kube-apiserver/app"
