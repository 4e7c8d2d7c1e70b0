//! The kinds of refusal that this filter gives.

use tollgate_core::Problem;

/// Two credentials, or one that stands twice.
pub const DUPLICATE_CREDENTIALS: Problem = Problem {
    status: 400,
    name: "duplicate-credentials",
    title: "The request carries more than one credential",
};

/// No credential that the route accepts.
pub const UNAUTHENTICATED: Problem =
    Problem { status: 401, name: "unauthenticated", title: "The request carries no credential" };

/// A token that does not hold.
pub const INVALID_TOKEN: Problem =
    Problem { status: 401, name: "invalid-token", title: "The token is not accepted" };

/// A key that nobody has.
pub const INVALID_API_KEY: Problem =
    Problem { status: 401, name: "invalid-api-key", title: "The API key is not accepted" };

/// A signature that does not hold.
pub const INVALID_SIGNATURE: Problem =
    Problem { status: 401, name: "invalid-signature", title: "The signature is not accepted" };

/// A signature that was used before.
pub const REPLAYED_SIGNATURE: Problem =
    Problem { status: 401, name: "replayed-signature", title: "The signature was used before" };

/// More signatures of one key than are remembered.
pub const TOO_MANY_SIGNATURES: Problem = Problem {
    status: 429,
    name: "too-many-signatures",
    title: "The key has signed too many requests",
};

/// A credential that looks good and was revoked.
pub const REVOKED: Problem =
    Problem { status: 401, name: "revoked", title: "The credential has been revoked" };

/// It has been too long that the control plane said who has been revoked.
pub const REVOCATIONS_UNKNOWN: Problem = Problem {
    status: 503,
    name: "revocations-unknown",
    title: "It cannot be told at the moment whether the credential has been revoked",
};

/// A certificate that is nobody's here.
pub const INVALID_CERTIFICATE: Problem = Problem {
    status: 401,
    name: "invalid-certificate",
    title: "The client certificate is not accepted",
};

/// A caller who is known, but was not granted this.
pub const INSUFFICIENT_SCOPE: Problem =
    Problem { status: 403, name: "insufficient-scope", title: "The caller may not do this" };

/// A caller who is known, but may not do this for another reason than scopes.
pub const FORBIDDEN: Problem =
    Problem { status: 403, name: "forbidden", title: "The caller may not do this" };

/// A caller of whom it cannot be told whether it may do this: what a condition
/// asks for is not there.
pub const UNDECIDED: Problem = Problem {
    status: 403,
    name: "undecided",
    title: "It cannot be told whether the caller may do this",
};

/// An issuer whose keys have not arrived yet.
pub const KEYS_UNAVAILABLE: Problem = Problem {
    status: 503,
    name: "keys-unavailable",
    title: "The caller cannot be recognised at the moment",
};

/// A caller of whom the backend cannot be told by a token.
pub const NO_BACKEND_TOKEN: Problem = Problem {
    status: 503,
    name: "no-backend-token",
    title: "The backend cannot be told who is calling at the moment",
};

/// A credential about which nobody can be asked at the moment, or nobody answers.
pub const CALLER_UNKNOWN: Problem = Problem {
    status: 503,
    name: "caller-unknown",
    title: "The caller cannot be recognised at the moment",
};
