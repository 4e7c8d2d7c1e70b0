#!/bin/sh
# Makes what the stack's identity provider speaks TLS with, in the folder that is
# named, once: an authority, and the provider's certificate. Whoever runs the
# stack can read the keys, so they are good for this stack alone.
set -eu

mkdir -p "$1"
cd "$1"
[ ! -e provider.pem ] || exit 0

cat > openssl.conf <<'END'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[server]
basicConstraints = critical, CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:provider
END

key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
# shellcheck disable=SC2086 # several words
openssl req -config openssl.conf -extensions authority -x509 -days 3650 -subj /CN=stack \
    $key -keyout ca.key -out ca.pem 2> log
# shellcheck disable=SC2086 # several words
openssl req -config openssl.conf -subj /CN=provider $key -keyout provider.key -out provider.csr 2> log
openssl x509 -req -in provider.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
    -extfile openssl.conf -extensions server -out provider.new 2> log
# The provider runs as somebody else.
chmod 644 provider.key
mv provider.new provider.pem
