{{- define "so.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of all objects. Shorter than 63, since some carry a suffix. */}}
{{- define "so.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains (include "so.name" .) .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "so.name" .) | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Cluster-wide objects carry the namespace too: two releases of one name must not share them. */}}
{{- define "so.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "so.fullname" .) | trunc 120 | trimSuffix "-" -}}
{{- end -}}

{{- define "so.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "so.fullname" .) -}}
{{- end -}}

{{- define "so.selector" -}}
app.kubernetes.io/name: {{ include "so.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "so.labels" -}}
{{ include "so.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* An image's full reference: include "so.image" (list . .Values.image) */}}
{{- define "so.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default $root.Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* Names of what the operator keeps: Secret of its own authority, Secret of cert-manager's certificate. */}}
{{- define "so.secret" -}}{{ include "so.fullname" . }}-ca{{- end -}}
{{- define "so.tlsSecret" -}}{{ include "so.fullname" . }}-tls{{- end -}}

{{- define "so.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "so.restrictedPod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* The variable that Kubernetes sets in pods for the Service's address; it needs no DNS. */}}
{{- define "so.serviceVariable" -}}
{{ include "so.fullname" . | upper | replace "-" "_" }}_SERVICE_HOST
{{- end -}}
