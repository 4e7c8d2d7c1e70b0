"""Requests signed by http-message-signatures with keys made by cryptography,
one in JSON a line."""

import base64
import hashlib
import json
import random
import time
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from http_message_signatures import HTTPMessageSigner, MappingKeyResolver, algorithms

SECRET = b"a secret of the signer and of the gateway"
RSA = rsa.generate_private_key(65537, 2048)
SIGNERS = {
    "hmac-sha256": (algorithms.HMAC_SHA256, SECRET),
    "ed25519": (algorithms.ED25519, ed25519.Ed25519PrivateKey.generate()),
    "ecdsa-p256-sha256": (algorithms.ECDSA_P256_SHA256, ec.generate_private_key(ec.SECP256R1())),
    "ecdsa-p384-sha384": (algorithms.ECDSA_P384_SHA384, ec.generate_private_key(ec.SECP384R1())),
    "rsa-pss-sha512": (algorithms.RSA_PSS_SHA512, RSA),
    "rsa-v1_5-sha256": (algorithms.RSA_V1_5_SHA256, RSA),
}
REQUIRED = ["@method", "@authority", "@path", "@query"]
OPTIONAL = ["@target-uri", "@request-target", "@scheme"]
LETTERS = "abzABZ019-._~ %!$&'()*+,;=:@éሴ😀\"<>"


class Request:
    def __init__(self, method, url, headers):
        self.method, self.url, self.headers = method, url, headers


def main():
    chance = random.Random(9421)
    for number in range(72):
        algorithm = list(SIGNERS)[number % len(SIGNERS)]
        print(json.dumps(signed(chance, algorithm, number)))


def signed(chance, algorithm, number):
    method = chance.choice(["GET", "POST", "PUT", "DELETE"])
    names = [f"p{place}{text(chance, 3)}" for place in range(chance.randrange(4))]
    host = chance.choice(["api.example.com", "API.example.com:8443", "api.example.com:443"])
    target = "/x" + quote(text(chance, 8).replace(";", ""), safe="~") + query(chance, names)
    headers = {"date": "Tue, 20 Apr 2021 02:07:55 GMT", "x-dict": 'a=1, b="two";x, c=(1 2), d'}
    components = REQUIRED + [one for one in OPTIONAL if chance.random() < 0.4]
    components += [f'"@query-param";name="{form(name)}"' for name in names if chance.random() < 0.5]
    body = text(chance, 40) if method in ("POST", "PUT") else ""
    if body:
        headers["content-digest"] = digest(chance.choice(["sha256", "sha512"]), body)
        headers["content-type"] = "text/plain"
        components += ["content-digest", "content-type"]
    fields = ["date", '"x-dict";bs', '"x-dict";key="b"', '"x-dict";key="c"', '"x-dict";key="d"']
    components += chance.sample(fields, chance.randrange(len(fields) + 1))
    chance.shuffle(components)
    request = Request(method, f"https://{host}{target}", headers)
    sign(chance, algorithm, request, components, bool(body))
    return {
        "name": f"{number}: {algorithm} {method} {request.url} {headers['Signature-Input']}",
        "algorithm": algorithm,
        "key": public(algorithm),
        "now": int(time.time()),
        "method": method,
        "scheme": "https",
        "authority": host,
        "target": target,
        "headers": list(headers.items()),
        "body": body,
        "covered": [name for name in headers if is_covered(name, components)],
    }


def sign(chance, algorithm, request, components, has_body):
    kind, key = SIGNERS[algorithm]
    resolver = MappingKeyResolver(public_keys={}, private_keys={algorithm: key})
    HTTPMessageSigner(signature_algorithm=kind, key_resolver=resolver).sign(
        request,
        key_id=algorithm,
        covered_component_ids=components,
        include_alg=chance.random() < 0.5,
        nonce=chance.choice([None, text(chance, 8, "abc019")]),
        tag=chance.choice([None, "app"]),
        use_existing_digest=has_body,
    )


def public(algorithm):
    """What verifies: a secret in hexadecimal digits, or a public key in PEM."""
    key = SIGNERS[algorithm][1]
    if algorithm == "hmac-sha256":
        return key.hex()
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def is_covered(name, components):
    """Whether all of a header is signed, rather than a member of it."""
    return name.lower() in components or f'"{name}";bs' in components


def digest(algorithm, body):
    value = base64.b64encode(hashlib.new(algorithm, body.encode()).digest()).decode()
    return f"{algorithm[:3]}-{algorithm[3:]}=:{value}:"


def query(chance, names):
    parts = [f"{quote(name, safe='~')}={quote(text(chance, 6), safe='~')}" for name in names]
    return "?" + "&".join(parts) if parts else ""


def form(name):
    return quote(name, safe="*").replace("~", "%7E")


def text(chance, most, letters=LETTERS):
    return "".join(chance.choice(letters) for _ in range(chance.randrange(1, most + 1)))


main()
