use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::envoys::envoys;
use super::tls::tls;
use crate::at::At;
use crate::fault::Faults;
use crate::spec::ListenerSpec;
use crate::{Envoys, Expiry, Listener, Loaded};

/// Why a listener was refused.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
enum InvalidListener {
    #[error("there is none; write one, such as `public: {{ address: 127.0.0.1:8080 }}`")]
    None,
    #[error("{0:?} is not an IP address and a port; write both, such as 127.0.0.1:8080")]
    Address(String),
    #[error("port 0 is none in particular; write one from 1 to 65535")]
    PortZero,
    #[error("{address} is the address of {other} too; choose another port")]
    Taken { address: SocketAddr, other: String },
}

pub(super) fn listeners(
    root: &At<'_>,
    loaded: &Loaded,
    faults: &mut Faults,
    expiries: &mut Vec<Expiry>,
) -> BTreeMap<String, Listener> {
    let written = root.fields("listeners");
    if written.is_empty() {
        at_section(root, "listeners", &InvalidListener::None.to_string(), faults);
    }
    let mut taken = BTreeMap::new();
    let named = written.into_iter().filter_map(|(name, at)| {
        let listener = listener(&at, &mut taken, faults)?;
        let tls = tls(&at, loaded, faults, expiries);
        let envoys = envoys(&at, faults);
        Some((name.to_owned(), Listener { tls, envoys, ..listener }))
    });
    named.collect()
}

/// Tells a fault of a section that may not be there, at its own path all the same.
pub(super) fn at_section(root: &At<'_>, name: &str, message: &str, faults: &mut Faults) {
    let path = root.path.key(name);
    // A section that was taken out was at fault before.
    if !faults.are_in(&path) {
        let node = root.node.get(name).unwrap_or(root.node);
        faults.push(&node.spot, &path, message);
    }
}

fn listener(
    at: &At<'_>,
    taken: &mut BTreeMap<SocketAddr, String>,
    faults: &mut Faults,
) -> Option<Listener> {
    let ListenerSpec { address, trusted_hops, .. } = at.read(faults)?;
    let checked = address_of(&address?).and_then(|address| {
        let here = format!("{} ({})", at.path, at.node.spot);
        match taken.insert(address, here) {
            Some(other) => Err(InvalidListener::Taken { address, other }),
            None => Ok(address),
        }
    });
    match checked {
        Ok(address) => {
            Some(Listener { address, trusted_hops, tls: None, envoys: Envoys::default() })
        }
        Err(invalid) => {
            at.get("address")?.fault(faults, invalid.to_string());
            None
        }
    }
}

fn address_of(text: &str) -> Result<SocketAddr, InvalidListener> {
    let address: SocketAddr =
        text.parse().map_err(|_| InvalidListener::Address(text.to_owned()))?;
    if address.port() == 0 { Err(InvalidListener::PortZero) } else { Ok(address) }
}
