# Certificates and kubeconfigs for a cluster of the tests. Everything lives in DIR/pki and is valid for ten days.
# shellcheck shell=bash

readonly DAYS=10

# Makes a key and a certificate signed by the cluster's CA: certificate DIR NAME SUBJECT [SAN,SAN...]
certificate() {
    local pki=$1/pki name=$2 subject=$3 names=${4:-} extension="basicConstraints=CA:FALSE"
    [[ ! -s $pki/$name.crt ]] || return 0
    extension+=$'\nextendedKeyUsage=clientAuth,serverAuth'
    [[ -z $names ]] || extension+=$'\n'"subjectAltName=$names"
    openssl ecparam -name prime256v1 -genkey -noout -out "$pki/$name.key" 2>/dev/null
    openssl req -new -key "$pki/$name.key" -subj "$subject" -out "$pki/$name.csr" 2>/dev/null
    openssl x509 -req -in "$pki/$name.csr" -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -CAcreateserial -days $DAYS \
        -extfile <(echo "$extension") -out "$pki/$name.crt.new" 2>/dev/null
    rm "$pki/$name.csr"
    mv "$pki/$name.crt.new" "$pki/$name.crt"
}

# Makes the CA and the key that signs service-account tokens: authority DIR
authority() {
    local pki=$1/pki
    mkdir -p "$pki"
    chmod 700 "$pki"
    [[ ! -s $pki/ca.crt ]] || return 0
    openssl ecparam -name prime256v1 -genkey -noout -out "$pki/sa.key" 2>/dev/null
    openssl ec -in "$pki/sa.key" -pubout -out "$pki/sa.pub" 2>/dev/null
    openssl ecparam -name prime256v1 -genkey -noout -out "$pki/ca.key" 2>/dev/null
    openssl req -x509 -new -key "$pki/ca.key" -subj /CN=session-operator-tests -days $DAYS -out "$pki/ca.crt" 2>/dev/null
}

# Writes a kubeconfig that holds its certificates, readable by its owner only: kubeconfig DIR NAME SERVER FILE
kubeconfig() {
    local pki=$1/pki
    (umask 077 && cat >"$4.new") <<YAML
apiVersion: v1
kind: Config
clusters:
- name: session-operator
  cluster:
    server: $3
    certificate-authority-data: $(base64 -w0 "$pki/ca.crt")
users:
- name: $2
  user:
    client-certificate-data: $(base64 -w0 "$pki/$2.crt")
    client-key-data: $(base64 -w0 "$pki/$2.key")
contexts:
- name: $2
  context:
    cluster: session-operator
    user: $2
current-context: $2
YAML
    mv "$4.new" "$4"
}
