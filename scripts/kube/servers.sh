# What runs in the cluster's node, with its configuration. Ports are the usual ones: the node has its own network.
# Needs lib.sh, processes.sh, pki.sh and node.sh; `dir` is the cluster's folder, `address` the node's address.
# shellcheck shell=bash disable=SC2154

readonly NODE=node
readonly SERVICES=10.96.0.0/16 API_SERVICE=10.96.0.1 PODS=10.244.0.0/16 NODE_PODS=10.244.0.0/24
readonly PAUSE_IMAGE=docker.io/session-operator/pause:$KUBE_VERSION
readonly SERVERS="dns kube-proxy kubelet kube-scheduler kube-controller-manager kube-apiserver containerd etcd"    # order of ending

credentials() {
    authority "$dir"
    certificate "$dir" apiserver /CN=kube-apiserver "IP:$address,IP:127.0.0.1,IP:$API_SERVICE,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc"
    certificate "$dir" admin /O=system:masters/CN=admin
    certificate "$dir" controller-manager /CN=system:kube-controller-manager
    certificate "$dir" scheduler /CN=system:kube-scheduler
    certificate "$dir" kube-proxy /CN=system:kube-proxy
    certificate "$dir" kubelet "/O=system:nodes/CN=system:node:$NODE" "DNS:$NODE,IP:$address"
    local user
    for user in controller-manager scheduler kube-proxy kubelet; do kubeconfig "$dir" "$user" "https://$address:6443" "$dir/pki/$user.kubeconfig"; done
}

configuration() {
    mkdir -p "$dir/config/cni"
    # The machine's DNS is none of the pods' business: who does not use the cluster's finds nothing, at once. (With an
    # empty file containerd would hand the pods the machine's.)
    printf '%s\n' "nameserver 127.0.0.1" "options timeout:1 attempts:1" >"$dir/config/resolv.conf"
    cat >"$dir/config/containerd.toml" <<TOML
version = 2
root = "$dir/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.restart", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "/run/containerd/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "$dir/containerd/opt"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$PAUSE_IMAGE"
  # A machine without CAP_SYS_RESOURCE cannot lower a score.
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$dir/config/cni"
TOML
    cat >"$dir/config/cni/10-bridge.conflist" <<JSON
{ "cniVersion": "0.4.0", "name": "pods", "plugins": [
  { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "$NODE_PODS" }]], "routes": [{ "dst": "0.0.0.0/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
JSON
    cat >"$dir/config/kubelet.yaml" <<YAML
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: { enabled: false }
  webhook: { enabled: true }
  x509: { clientCAFile: "$dir/pki/ca.crt" }
authorization: { mode: Webhook }
tlsCertFile: "$dir/pki/kubelet.crt"
tlsPrivateKeyFile: "$dir/pki/kubelet.key"
cgroupDriver: cgroupfs
cgroupRoot: $(cat "$dir/cgroup")
enforceNodeAllocatable: []
failSwapOn: false
resolvConf: "$dir/config/resolv.conf"
clusterDomain: cluster.local
clusterDNS: ["$address"]
nodeStatusUpdateFrequency: 2s
# A pod that was killed is looked at again this soon; with the usual minute it may stay listed for as long.
syncFrequency: 3s
# A machine that is nearly full is none of the tests' business.
evictionHard: { memory.available: "50Mi", nodefs.available: "0%", nodefs.inodesFree: "0%", imagefs.available: "0%" }
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
volumePluginDir: "$dir/kubelet/plugins"
YAML
    cat >"$dir/config/kube-proxy.yaml" <<YAML
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: $PODS
hostnameOverride: $NODE
clientConnection: { kubeconfig: "$dir/pki/kube-proxy.kubeconfig" }
# The limits of conntrack belong to the machine.
conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s }
YAML
}

PYTHON=/usr/bin/python3
[[ -x $PYTHON ]] || PYTHON=$(command -v python3) || fail "python3 is missing, which the cluster's DNS runs on"

server_ready() { curl -sf --max-time 5 --cacert "$dir/pki/ca.crt" --cert "$dir/pki/admin.crt" --key "$dir/pki/admin.key" "https://$address:6443/readyz"; }
etcd_ready() { nsenter --target "$(cut -d' ' -f1 "$dir/run/node.pid")" --net curl -sf --max-time 5 http://127.0.0.1:2379/health | grep -q '"health":"true"'; }

# Starts one server unless it runs: start_server NAME
start_server() {
    if running "$dir" "$1"; then return 0; fi
    case $1 in
        etcd)
            launch_in_node "$dir" etcd "$KUBE_BIN/etcd" --name tests --data-dir "$dir/data" --log-level=warn \
                --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379
            ready "$dir" etcd 60 etcd_ready
            ;;
        kube-apiserver)
            launch_in_node "$dir" kube-apiserver "$KUBE_BIN/kube-apiserver" --etcd-servers http://127.0.0.1:2379 \
                --bind-address 0.0.0.0 --advertise-address "$address" --secure-port 6443 --cert-dir "$dir/pki" \
                --tls-cert-file "$dir/pki/apiserver.crt" --tls-private-key-file "$dir/pki/apiserver.key" \
                --client-ca-file "$dir/pki/ca.crt" --authorization-mode Node,RBAC \
                --service-account-issuer https://kubernetes.default.svc --service-account-key-file "$dir/pki/sa.pub" \
                --service-account-signing-key-file "$dir/pki/sa.key" --service-cluster-ip-range "$SERVICES" \
                --kubelet-client-certificate "$dir/pki/admin.crt" --kubelet-client-key "$dir/pki/admin.key" \
                --kubelet-certificate-authority "$dir/pki/ca.crt" --kubelet-preferred-address-types InternalIP \
                --enable-admission-plugins NodeRestriction,MutatingAdmissionWebhook,ValidatingAdmissionWebhook \
                --allow-privileged=true
            ready "$dir" kube-apiserver 120 server_ready
            ;;
        kube-controller-manager)
            launch_in_node "$dir" kube-controller-manager "$KUBE_BIN/kube-controller-manager" --leader-elect=false \
                --kubeconfig "$dir/pki/controller-manager.kubeconfig" --use-service-account-credentials=true \
                --authentication-kubeconfig "$dir/pki/controller-manager.kubeconfig" \
                --authorization-kubeconfig "$dir/pki/controller-manager.kubeconfig" \
                --root-ca-file "$dir/pki/ca.crt" --service-account-private-key-file "$dir/pki/sa.key" \
                --cluster-signing-cert-file "$dir/pki/ca.crt" --cluster-signing-key-file "$dir/pki/ca.key" \
                --cert-dir "$dir/pki" --cluster-cidr "$PODS" --allocate-node-cidrs=false
            ;;
        kube-scheduler)
            launch_in_node "$dir" kube-scheduler "$KUBE_BIN/kube-scheduler" --leader-elect=false \
                --kubeconfig "$dir/pki/scheduler.kubeconfig" --authentication-kubeconfig "$dir/pki/scheduler.kubeconfig" \
                --authorization-kubeconfig "$dir/pki/scheduler.kubeconfig" --cert-dir "$dir/pki"
            ;;
        containerd)
            launch_in_node "$dir" containerd containerd --config "$dir/config/containerd.toml" --log-level warn
            ready "$dir" containerd 30 ctr_in_node version
            ;;
        kubelet)
            launch_in_node "$dir" kubelet "$KUBE_BIN/kubelet" --config "$dir/config/kubelet.yaml" \
                --kubeconfig "$dir/pki/kubelet.kubeconfig" --root-dir "$dir/kubelet" --node-ip "$address" \
                --hostname-override "$NODE" --container-runtime remote --pod-infra-container-image "$PAUSE_IMAGE" \
                --container-runtime-endpoint unix:///run/containerd/containerd.sock --cert-dir "$dir/pki/kubelet"
            ;;
        kube-proxy)
            launch_in_node "$dir" kube-proxy "$KUBE_BIN/kube-proxy" --config "$dir/config/kube-proxy.yaml"
            ;;
        dns)
            launch_in_node "$dir" dns "$PYTHON" "$here/dns" "$KUBE_TOOLS/kubectl" "$dir/kubeconfig" "$address"
            ;;
        *) fail "there is no server '$1'; the servers are: $SERVERS" ;;
    esac
}

ctr_in_node() { (in_node "$dir" ctr --address /run/containerd/containerd.sock --namespace k8s.io "$@"); }
