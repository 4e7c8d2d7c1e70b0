#!/bin/sh
# Makes what the example needs, in the folder that is named: an authority for the
# gateway and one for its callers, the gateway's certificate, those of two
# tenants, one of a stranger, and a list of revoked certificates.
#
#   examples/mtls/certificates.sh FOLDER            makes all of it, once
#   examples/mtls/certificates.sh FOLDER revoke NAME   revokes NAME.pem
#   examples/mtls/certificates.sh FOLDER renew      makes the gateway's certificate anew
set -eu

mkdir -p "$1"
cd "$1"

# A configuration of its own: those of systems differ.
cat > ca.conf <<'END'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[ca]
default_ca = it
[it]
database = index.txt
default_md = sha256
END

# Only for this example: keys of authorities belong on no machine that serves.
authority() {
    openssl req -config ca.conf -extensions authority -x509 -days 30 -subj "/CN=$1" \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.pem" 2> log
}

# sign AUTHORITY NAME ALTERNATIVE-NAME USAGE
sign() {
    openssl req -config ca.conf -subj "/CN=$2" \
        -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key.new" -out "$2.csr" 2> log
    printf 'subjectAltName = %s\nextendedKeyUsage = %s\n' "$3" "$4" > "$2.ext"
    openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -days 7 \
        -extfile "$2.ext" -out "$2.pem.new" 2> log
    mv "$2.key.new" "$2.key"
    mv "$2.pem.new" "$2.pem"
}

# The list, signed anew and put in place as a whole.
list() {
    openssl ca -config ca.conf -gencrl -crldays 30 -keyfile clients.key -cert clients.pem \
        -out clients.crl.new 2> log
    mv clients.crl.new clients.crl
}

case "${2:-all}" in
all)
    [ ! -e clients.crl ] || exit 0
    authority servers
    authority clients
    authority strangers
    sign servers server 'DNS:localhost, IP:127.0.0.1' serverAuth
    sign clients acme URI:spiffe://example/tenant/acme clientAuth
    sign clients globex URI:spiffe://example/tenant/globex clientAuth
    sign strangers stranger URI:spiffe://example/tenant/acme clientAuth
    : > index.txt
    list
    ;;
revoke)
    openssl ca -config ca.conf -revoke "$3.pem" -keyfile clients.key -cert clients.pem 2> log
    list
    ;;
renew)
    sign servers server 'DNS:localhost, IP:127.0.0.1' serverAuth
    ;;
*)
    echo "what is '$2'? revoke NAME or renew" >&2
    exit 1
    ;;
esac
