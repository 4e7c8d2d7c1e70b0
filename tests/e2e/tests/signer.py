"""Signs what stands in JSON on standard input: requests, of which it prints headers
and targets, and claims, of which it prints tokens with their keys.

AWS signatures are made by botocore and HTTP Message Signatures by
http-message-signatures. The gateway's own HMAC is made by Python's `hmac`, as
its documentation describes it. Tokens are made by joserfc.
"""

import base64
import hashlib
import hmac
import json
import sys
import time
import warnings
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms
from joserfc import jwk, jwt


def main():
    wanted = json.load(sys.stdin)
    schemes = {
        "hmac": sign_hmac,
        "sigv4": sign_sigv4,
        "presigned": sign_sigv4,
        "http_signature": sign_http,
        "http_hmac": sign_http,
        "jwt": sign_jwt,
    }
    json.dump([schemes[one["scheme"]](one) for one in wanted], sys.stdout)


def digest(body):
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def sign_hmac(wanted):
    body, url = wanted["body"].encode(), urlsplit(wanted["url"])
    created = str(int(time.time()) + wanted.get("skew", 0))
    parts = sorted(url.query.split("&"), key=lambda part: part.split("=")[0])
    headers = {"content-type": "application/json", "content-digest": digest(body)}
    lines = ["HMAC-SHA256", wanted["key_id"], created, wanted["nonce"], wanted["method"]]
    lines += [url.netloc, url.path, "&".join(parts), "content-type:application/json", ""]
    lines += [headers["content-digest"]]
    text = "".join(f"{line}\n" for line in lines).encode()
    code = base64.b64encode(hmac.digest(wanted["secret"].encode(), text, "sha256")).decode()
    headers["authorization"] = (
        f'HMAC-SHA256 keyId="{wanted["key_id"]}",created={created},nonce="{wanted["nonce"]}",'
        f'headers="content-type",signature="{code}"'
    )
    return {"headers": list(headers.items()), "target": f"{url.path}?{url.query}"}


def sign_sigv4(wanted):
    body = wanted["body"].encode()
    headers = {"content-type": "application/json", "x-amz-meta-nonce": wanted["nonce"]}
    if wanted["scheme"] == "presigned":
        headers = {}
    elif wanted.get("stated"):
        headers["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
    request = AWSRequest(wanted["method"], wanted["url"], headers=headers, data=body)
    credentials = Credentials(wanted["key_id"], wanted["secret"])
    if wanted["scheme"] == "presigned":
        signer = SigV4QueryAuth(credentials, "execute-api", "eu-central-1", expires=60)
    else:
        signer = SigV4Auth(credentials, "execute-api", "eu-central-1")
    signer.add_auth(request)
    prepared = request.prepare()
    url = urlsplit(prepared.url)
    text = lambda value: value.decode() if isinstance(value, bytes) else value
    headers = [(name.lower(), text(value)) for name, value in prepared.headers.items()]
    headers = [pair for pair in headers if pair[0] != "content-length"]
    return {"headers": headers, "target": f"{url.path}?{url.query}"}


class Request:
    def __init__(self, method, url, headers):
        self.method, self.url, self.headers = method, url, headers


def sign_http(wanted):
    url, body = urlsplit(wanted["url"]), wanted["body"].encode()
    headers = {"content-type": "application/json", "content-digest": digest(body)}
    request = Request(wanted["method"], wanted["url"], headers)
    key, algorithm = wanted["secret"].encode(), algorithms.HMAC_SHA256
    if wanted["scheme"] == "http_signature":
        key, algorithm = load_pem_private_key(key, None), algorithms.ED25519
    resolver = MappingKeyResolver(public_keys={}, private_keys={wanted["key_id"]: key})
    signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=resolver)
    components = ["@method", "@authority", "@path", "@query", "content-type", "content-digest"]
    signer.sign(
        request,
        key_id=wanted["key_id"],
        covered_component_ids=components,
        nonce=wanted["nonce"],
        use_existing_digest=True,
    )
    lower = [(name.lower(), value) for name, value in request.headers.items()]
    return {"headers": lower, "target": f"{url.path}?{url.query}"}


# What keys of each kind of algorithm are made of.
KEYS = {
    "RS": lambda bits: ("RSA", 2048),
    "PS": lambda bits: ("RSA", 2048),
    "ES": lambda bits: ("EC", f"P-{bits}"),
    "Ed": lambda bits: ("OKP", "Ed25519"),
    "HS": lambda bits: ("oct", int(bits)),
}


def sign_jwt(wanted):
    # Of EdDSA it says that RFC 9864 has a newer name for it.
    warnings.simplefilter("ignore")
    algorithm = wanted["algorithm"]
    kind, parameter = KEYS[algorithm[:2]](algorithm[2:])
    key = jwk.generate_key(kind, parameter, {"kid": "k1", "alg": algorithm})
    header = {"alg": algorithm, "kid": "k1", "typ": "at+jwt"}
    token = jwt.encode(header, wanted["claims"], key, algorithms=[algorithm])
    return {"token": token, "jwk": key.as_dict(private=kind == "oct")}


main()
