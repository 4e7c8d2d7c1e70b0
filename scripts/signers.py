#!/usr/bin/env python3
"""Gets others who sign requests and tokens, for the tests, into .tools/signers."""

from environment import make

if __name__ == "__main__":
    what = "botocore, cryptography, http-message-signatures and joserfc (25 MB)"
    make("signers", "cryptography", what)
