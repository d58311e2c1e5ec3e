{{/* What the operator may do, in three parts. tests/rbac.yaml holds what comes out; scripts/test chart compares. */}}

{{/* In the namespaces it works in. */}}
{{- define "so.rules.work" -}}
- apiGroups: [sessionoperator.dev]
  resources: [sessiondatabases]
  verbs: [get, list, watch]
- apiGroups: [sessionoperator.dev]
  resources: [sessiondatabases/status]
  verbs: [patch]
# Signals: pods, what stands behind the Service, revisions.
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [statefulsets]
  verbs: [list, watch]
# What database operators announce; for Patroni, objects of core Kubernetes (operator/Presets).
- apiGroups: [postgresql.cnpg.io]
  resources: [clusters]
  verbs: [list, watch]
- apiGroups: [k8s.mariadb.com]
  resources: [mariadbs]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [configmaps, endpoints]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- if .Values.injection.enabled }}
# The annotation of a workload is carried into its pod template.
- apiGroups: [apps]
  resources: [deployments, daemonsets]
  verbs: [list, watch]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [patch]
{{- end }}
{{- end -}}

{{/* Cluster-wide, also where it works in a list of namespaces: these have no namespace. */}}
{{- define "so.rules.cluster" -}}
# Who a sidecar is.
- apiGroups: [authentication.k8s.io]
  resources: [tokenreviews]
  verbs: [create]
# A cordoned node announces that its pods will go.
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- if .Values.injection.enabled }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- if not .Values.certManager.enabled }}
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations]
  resourceNames: [{{ include "so.clusterName" . }}]
  verbs: [get, patch]
{{- end }}
{{- end }}
{{- end -}}

{{/* In its own namespace. Its own Secret and Lease only, which the chart makes: no right to make others. */}}
{{- define "so.rules.own" -}}
{{- if not .Values.certManager.enabled }}
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [{{ include "so.secret" . }}]
  verbs: [get, patch]
{{- end }}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ include "so.fullname" . }}]
  verbs: [get, update]
{{- end -}}

{{/* For the end: workloads get back the templates they had. */}}
{{- define "so.rules.release" -}}
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [list, patch]
{{- end -}}

{{- define "so.release.hook" -}}
helm.sh/hook: post-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
