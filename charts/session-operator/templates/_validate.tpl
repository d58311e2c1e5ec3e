{{/* What values.schema.json cannot say in words. Every message names the value and says what to write. */}}
{{- define "so.validate" -}}
{{- $v := .Values -}}
{{- if not (regexMatch "^(([3-9]|[1-9][0-9]|[12][0-9][0-9]|300)s|[1-5]m)$" $v.lease) -}}
{{- fail (printf "lease: is %q; write a time from 3s to 5m, such as 10s" $v.lease) -}}
{{- end -}}
{{- if not (regexMatch "^[1-9][0-9]*(s|m)$" $v.podMonitor.interval) -}}
{{- fail (printf "podMonitor.interval: is %q; write seconds or minutes, such as 15s" $v.podMonitor.interval) -}}
{{- end -}}
{{- range $field, $image := dict "image" $v.image "sidecar.image" $v.sidecar.image -}}
{{- if not (regexMatch "^$|^sha256:[0-9a-f]{64}$" $image.digest) -}}
{{- fail (printf "%s.digest: is %q; write sha256: and 64 hexadecimal digits, or leave it empty" $field $image.digest) -}}
{{- end -}}
{{- if not (regexMatch "^$|^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$" $image.tag) -}}
{{- fail (printf "%s.tag: is %q; write a tag such as 0.1.0, in quotes, or leave it empty" $field $image.tag) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9._:/-]*[a-z0-9])?$" $image.repository) -}}
{{- fail (printf "%s.repository: is %q; write lower case without the tag, such as registry.example.com/session-operator/operator" $field $image.repository) -}}
{{- end -}}
{{- if regexMatch ":[^/]*$" $image.repository -}}
{{- fail (printf "%s.repository: is %q, with a tag; write the tag into %s.tag" $field $image.repository $field) -}}
{{- end -}}
{{- end -}}
{{- range $field, $names := dict "namespaces" $v.namespaces "injection.excludedNamespaces" $v.injection.excludedNamespaces -}}
{{- range $names -}}
{{- if not (regexMatch "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$" .) -}}
{{- fail (printf "%s: %q is no name of a namespace; write lower-case letters, digits and '-'" $field .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $field, $name := dict "nameOverride" $v.nameOverride "fullnameOverride" $v.fullnameOverride "serviceAccount.name" $v.serviceAccount.name -}}
{{- if not (regexMatch "^$|^[a-z]([a-z0-9-]*[a-z0-9])?$" $name) -}}
{{- fail (printf "%s: is %q; write lower-case letters, digits and '-', beginning with a letter" $field $name) -}}
{{- end -}}
{{- end -}}
{{- if and $v.certManager.issuerRef (not $v.certManager.issuerRef.name) -}}
{{- fail "certManager.issuerRef.name: is missing; write the name of your issuer, or leave issuerRef empty" -}}
{{- end -}}
{{- if and $v.certManager.issuerRef (not $v.certManager.enabled) -}}
{{- fail "certManager.issuerRef: is set although certManager.enabled is false; set certManager.enabled=true, or leave issuerRef out" -}}
{{- end -}}
{{- if and $v.injection.heal (not $v.injection.enabled) -}}
{{- fail "injection.heal: is true although injection.enabled is false; nothing can be healed without injection" -}}
{{- end -}}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) -}}
{{- fail "serviceAccount.name: is empty although serviceAccount.create is false; write the name of the service account to use" -}}
{{- end -}}
{{- end -}}
