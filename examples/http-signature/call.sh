#!/bin/sh
# Signs a request and sends it: call.sh METHOD PATH BODY [BODY-THAT-IS-SENT]
set -eu
method=$1 path=$2 body=$3 sent=${4-$3}
here=$(dirname "$0")
host=${GATEWAY-127.0.0.1:8080}
created=$(date +%s)
nonce=${NONCE-$(openssl rand -hex 16)}

digest="sha-256=:$(printf %s "$body" | openssl dgst -sha256 -binary | openssl base64 -A):"
covered='("@method" "@authority" "@path" "@query" "content-digest" "content-type")'
parameters="$covered;created=$created;keyid=\"acme-1\";nonce=\"$nonce\""

# openssl signs files, not what is piped to it.
base=$(mktemp)
trap 'rm -f "$base"' EXIT
printf '%s\n' \
  "\"@method\": $method" \
  "\"@authority\": $host" \
  "\"@path\": $path" \
  '"@query": ?' \
  "\"content-digest\": $digest" \
  '"content-type": application/json' > "$base"
printf '%s' "\"@signature-params\": $parameters" >> "$base"
signature=$(openssl pkeyutl -sign -rawin -inkey "$here/acme.key" -in "$base" | openssl base64 -A)

curl -s -i -X "$method" "http://$host$path" \
  -H 'content-type: application/json' \
  -H "content-digest: $digest" \
  -H "signature-input: acme=$parameters" \
  -H "signature: acme=:$signature:" \
  --data-raw "$sent"
