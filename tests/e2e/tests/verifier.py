"""Verifies a token as a backend would, and prints what it says.

Reads a JSON object from standard input: the token, the key set, and who it
must be from and for. joserfc is no relative of what signs them.
"""

import json
import sys

from joserfc import jwt
from joserfc.jwk import KeySet


def main():
    wanted = json.load(sys.stdin)
    keys = KeySet.import_key_set(wanted["keys"])
    token = jwt.decode(wanted["token"], keys, algorithms=["EdDSA"])
    registry = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": wanted["issuer"]},
        aud={"essential": True, "value": wanted["audience"]},
        exp={"essential": True},
    )
    registry.validate(token.claims)
    json.dump({"header": token.header, "claims": token.claims}, sys.stdout)


main()
