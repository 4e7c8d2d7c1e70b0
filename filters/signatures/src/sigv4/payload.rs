use crate::request::{Message, hex};
use crate::sigv4::claim::{Claim, Place};
use crate::{BodyCheck, Refused, SigV4Style};

/// What is signed of the body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Payload {
    Sha256([u8; 32]),
    Unsigned,
}

const UNSIGNED: &[u8] = b"UNSIGNED-PAYLOAD";

// === impl Payload ===

impl Payload {
    /// What a request states, or what its style implies.
    pub(crate) fn read(
        claim: &Claim<'_>,
        message: &Message<'_>,
        style: SigV4Style,
    ) -> Result<Self, Refused> {
        match (message.only("x-amz-content-sha256")?, style, claim.place) {
            (Some(value), _, _) => Self::stated(value),
            (None, SigV4Style::S3, Place::Query { .. }) => Ok(Self::Unsigned),
            (None, _, _) => message.body_sha256.map(Self::Sha256).ok_or(Refused::AwaitsBody),
        }
    }

    fn stated(value: &[u8]) -> Result<Self, Refused> {
        match value {
            UNSIGNED => Ok(Self::Unsigned),
            _ if value.starts_with(b"STREAMING-") => Err(Refused::StreamingPayload),
            _ => digest(value).map(Self::Sha256).ok_or(Refused::PayloadHash),
        }
    }

    /// As it stands in what is signed.
    pub(crate) fn line(&self) -> Vec<u8> {
        match self {
            Self::Sha256(digest) => hex(digest).into_bytes(),
            Self::Unsigned => UNSIGNED.to_vec(),
        }
    }

    pub(crate) fn check(&self) -> BodyCheck {
        match self {
            Self::Sha256(digest) => BodyCheck::Sha256(*digest),
            Self::Unsigned => BodyCheck::Unsigned,
        }
    }
}

fn digest(value: &[u8]) -> Option<[u8; 32]> {
    let mut digest = [0; 32];
    let len = base16ct::lower::decode(value, &mut digest).ok()?.len();
    (len == 32).then_some(digest)
}
