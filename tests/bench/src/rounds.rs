use anyhow::Result;

use crate::settings::Settings;

/// What kinds of requests cost Envoy, in microseconds, round by round. All take turns
/// at one Envoy: two Envoys differ by more than what is measured so.
pub(crate) fn rounds<const KINDS: usize>(
    settings: &Settings,
    mut round: impl FnMut(usize) -> Result<[f64; KINDS]>,
) -> Result<[Vec<f64>; KINDS]> {
    let mut costs = [const { Vec::new() }; KINDS];
    // The first one warms up.
    for number in 0..=settings.rounds {
        println!("round {number} of {}", settings.rounds);
        let measured = round(number)?;
        if number != 0 {
            costs.iter_mut().zip(measured).for_each(|(all, one)| all.push(one));
        }
    }
    Ok(costs)
}
