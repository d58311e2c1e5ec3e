{{/* The operator's configuration; docs/reference/configuration.md explains the fields. */}}
{{- define "so.config" -}}
{{- $host := ternary "[::]" .Values.bindAddress (eq .Values.bindAddress "::") -}}
grpc: {{ printf "%s:7443" $host | quote }}
http: {{ printf "%s:7080" $host | quote }}
{{- if .Values.injection.enabled }}
webhook: {{ printf "%s:9443" $host | quote }}
{{- end }}
lease: {{ .Values.lease }}
namespaces: {{ toJson .Values.namespaces }}
release: {{ include "so.fullname" . }}
certificates: {{ ternary "files" "own" .Values.certManager.enabled }}
sidecar:
  image: {{ include "so.image" (list . .Values.sidecar.image) | quote }}
  pullPolicy: {{ .Values.sidecar.image.pullPolicy }}
  resources: {{ toJson .Values.sidecar.resources }}
injection:
  enabled: {{ .Values.injection.enabled }}
  heal: {{ .Values.injection.heal }}
{{- end -}}
