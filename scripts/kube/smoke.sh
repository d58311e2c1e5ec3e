# What the end-to-end tests rely on, tried once on this machine. Needs what `cluster` has; sourced by it.
# shellcheck shell=bash disable=SC2154

objects() {
    cat <<'YAML'
apiVersion: v1
kind: Namespace
metadata: { name: smoke }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: smoke }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      securityContext: { runAsNonRoot: true, runAsUser: 10001 }
      containers:
      - name: web
        image: session-operator/busybox:dev
        imagePullPolicy: Never
        command: [sh, -c, "mkdir -p /tmp/www && hostname >/tmp/www/name && echo serving && trap 'exit 0' TERM && { httpd -f -p 8080 -h /tmp/www & wait; }"]
        readinessProbe: { httpGet: { path: /name, port: 8080 }, periodSeconds: 1 }
        resources: { limits: { memory: 32Mi, cpu: 200m } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: smoke }
spec: { selector: { app: web }, ports: [{ port: 80, targetPort: 8080 }] }
YAML
}

check() { # WHAT COMMAND...
    local what=$1 began=$SECONDS
    shift
    "$@" || fail "smoke: $what: failed; the servers' logs are in $dir/logs"
    say "smoke: $what: ok ($((SECONDS - began)) s)"
}

here_pod() { kubectl -n smoke get pods -l app=web --field-selector status.phase=Running -o "jsonpath={.items[0].metadata.name}"; }
logged() { [[ $(kubectl -n smoke logs "$(here_pod)") == serving ]]; }
executed() { [[ $(kubectl -n smoke exec "$(here_pod)" -- cat /tmp/www/name) == "$(here_pod)" ]]; }
service() { kubectl -n smoke get service web -o 'jsonpath={.spec.clusterIP}'; }
names_seen() { # through the Service's address; 40 requests miss one of two pods once in 10^12
    local _
    for _ in {1..40}; do "$@" || return 1; done | sort -u | wc -l
}
from_node() { [[ $(names_seen nsenter --target "$(cut -d' ' -f1 "$dir/run/node.pid")" --net curl -sf --max-time 5 "http://$(service)/name") == 2 ]]; }
from_pod() { kubectl -n smoke exec "$(here_pod)" -- wget -qO- "http://$(service)/name" | grep -q '^web-'; }
replaced() {
    local old
    old=$(here_pod)
    kubectl -n smoke delete pod "$old" --wait=true >/dev/null && kubectl -n smoke wait deployment web --for=condition=Available --timeout=60s >/dev/null && kubectl -n smoke rollout status deployment web --timeout=60s >/dev/null
}
restarted() {
    local pod
    pod=$(here_pod)
    # Process 1 of a container gets this signal only because the shell has asked for it.
    kubectl -n smoke exec "$pod" -- kill -TERM 1 || :
    until_true 60 has_restarted "$pod"
}
has_restarted() { [[ $(kubectl -n smoke get pod "$1" -o 'jsonpath={.status.containerStatuses[0].restartCount}{.status.containerStatuses[0].ready}') =~ ^[1-9].*true$ ]]; }

smoke() {
    local began=$SECONDS
    check "import an image" ctr_in_node images import "$("$here/image" busybox)"
    objects | kubectl apply -f - >/dev/null
    check "two pods run" kubectl -n smoke rollout status deployment web --timeout=120s
    check "logs" logged
    check "exec" executed
    check "the Service reaches both from the node" until_true 20 from_node
    check "the Service answers a pod" from_pod
    check "a deleted pod is replaced" replaced
    check "a container that ends is restarted" restarted
    check "all goes away" kubectl delete namespace smoke --timeout=120s
    say "smoke: passed in $((SECONDS - began)) s"
}
