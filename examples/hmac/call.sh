#!/bin/sh
# Signs a request and sends it: call.sh METHOD PATH BODY [BODY-THAT-IS-SENT]
set -eu
method=$1 path=$2 body=$3 sent=${4-$3}
here=$(dirname "$0")
secret=$(cat "$here/acme.secret")
key_id=${KEY_ID-acme-1} host=${GATEWAY-127.0.0.1:8080}
created=$(date +%s)
nonce=${NONCE-$(openssl rand -hex 16)}

digest="sha-256=:$(printf %s "$body" | openssl dgst -sha256 -binary | openssl base64 -A):"
signature=$(
  printf '%s\n' HMAC-SHA256 "$key_id" "$created" "$nonce" \
    "$method" "$host" "$path" '' content-type:application/json '' "$digest" |
    openssl dgst -sha256 -hmac "$secret" -binary | openssl base64 -A
)

curl -s -i -X "$method" "http://$host$path" \
  -H 'content-type: application/json' \
  -H "content-digest: $digest" \
  -H "authorization: HMAC-SHA256 keyId=\"$key_id\",created=$created,nonce=\"$nonce\",headers=\"content-type\",signature=\"$signature\"" \
  --data-raw "$sent"
