use crate::{Instance, Key, Share};

/// What an Envoy says at each exchange.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Report<'a> {
    /// Which Envoy.
    pub instance: Instance,
    /// The how-manieth exchange this is, counted by the Envoy.
    pub number: u64,
    /// The last exchange whose grants it has taken over.
    pub applied: u64,
    /// How often it has done without for so long that it has forgotten what it was
    /// told.
    pub turn: u32,
    /// What it enforces of every key that nothing was dealt of.
    pub share: Share,
    /// It has said everything that this dealer needs to know.
    pub is_complete: bool,
    /// What has changed.
    pub demands: &'a [Demand],
}

/// What one Envoy needs of one key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Demand {
    /// Of what.
    pub key: Key,
    /// What callers ask for, also in vain.
    pub wants: Share,
    /// What it enforces at the moment.
    pub holds: Share,
}

/// What an Envoy is told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Deal {
    /// What changes for it.
    pub grants: Vec<Grant>,
    /// There is more to be had at once.
    pub more: bool,
}

/// What one Envoy enforces of one key from now on; none if nothing is dealt of
/// the key any more.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Grant {
    /// Of what.
    pub key: Key,
    /// How much.
    pub share: Option<Share>,
}

/// The exchange is not newer than the last one of this Envoy. Nothing of it
/// was counted, and whatever is answered nobody waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Late;
