use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Clock;
use crate::breaker::Pass;
use crate::budget::Standing;
use crate::gate::{Gate, Outcome};

/// A gate that many tasks go through.
#[derive(Clone, Debug)]
pub(crate) struct SharedGate {
    gate: Arc<Mutex<Gate>>,
    clock: Arc<dyn Clock>,
}

/// The right to make one call. Whatever happens to the call, its place is
/// given back: dropped without an outcome, it counts as failed.
pub(crate) struct Permit {
    gate: SharedGate,
    pass: Pass,
    outcome: Outcome,
}

// === impl SharedGate ===

impl SharedGate {
    pub(crate) fn new(gate: Gate, clock: Arc<dyn Clock>) -> Self {
        Self { gate: Arc::new(Mutex::new(gate)), clock }
    }

    /// A permit, or when to ask again.
    pub(crate) fn admit(&self, standing: Standing) -> Result<Permit, Duration> {
        let pass = self.lock().admit(standing, self.clock.now())?;
        Ok(Permit { gate: self.clone(), pass, outcome: Outcome::Failed })
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed()
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Permit ===

impl Permit {
    pub(crate) fn is_probe(&self) -> bool {
        self.pass == Pass::Probe
    }

    pub(crate) fn settle(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.gate.clock.now();
        self.gate.lock().settle(self.pass, self.outcome, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemClock;

    #[test]
    fn a_call_that_ends_without_a_word_gives_its_place_back_and_counts_as_failed() {
        let gate = SharedGate::new(Gate::new(100, 1), Arc::new(SystemClock));
        for _ in 0..5 {
            assert!(gate.is_closed());
            let permit = gate.admit(Standing::Known);
            assert!(permit.is_ok() && gate.admit(Standing::Known).is_err());
        }
        assert!(!gate.is_closed());
    }
}
