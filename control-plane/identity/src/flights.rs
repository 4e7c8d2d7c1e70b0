use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::{Answer, Name};

/// The questions that are being answered: whoever asks the same meanwhile
/// waits for the same answer.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashMap<Name, Waiting>>);

type Waiting = watch::Receiver<Option<Answer>>;

/// How one joins.
pub(crate) enum Joined {
    /// As the first, who has to find out.
    First(Flight, Landing),
    /// As one more.
    Another(Flight),
    /// Not at all: there are too many different questions.
    Full,
}

/// An answer to come.
pub(crate) struct Flight(Waiting);

/// The duty to answer. Dropped without an answer, it lets everybody know.
pub(crate) struct Landing {
    flights: Arc<Flights>,
    name: Name,
    answer: watch::Sender<Option<Answer>>,
}

/// Each may hold a token of 16 KiB.
const FLIGHTS_MAX: usize = 1_024;

// === impl Flights ===

impl Flights {
    pub(crate) fn join(self: &Arc<Self>, name: Name) -> Joined {
        let mut waiting = self.waiting();
        let len = waiting.len();
        match waiting.entry(name) {
            Entry::Occupied(flight) => Joined::Another(Flight(flight.get().clone())),
            Entry::Vacant(_) if FLIGHTS_MAX <= len => Joined::Full,
            Entry::Vacant(place) => {
                let (answer, flight) = watch::channel(None);
                place.insert(flight.clone());
                Joined::First(Flight(flight), Landing { flights: Arc::clone(self), name, answer })
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Name, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Flight ===

impl Flight {
    /// None if whoever had to find out is gone.
    pub(crate) async fn answer(mut self) -> Option<Answer> {
        self.0.wait_for(Option::is_some).await.ok()?.clone()
    }
}

// === impl Landing ===

impl Landing {
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// Answers everybody. What was found out must be remembered already, or
    /// whoever asks next would find neither the flight nor the answer.
    pub(crate) fn land(self, answer: Answer) {
        self.answer.send_replace(Some(answer));
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.waiting().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const ANSWER: Answer = Answer::Unavailable { retry_after: Duration::ZERO };

    fn name(number: usize) -> Name {
        Name::of([number.to_le_bytes().as_slice()])
    }

    #[tokio::test]
    async fn those_who_ask_the_same_get_the_same_answer() {
        let flights = Arc::new(Flights::default());
        let Joined::First(first, landing) = flights.join(name(1)) else { panic!() };
        let Joined::Another(another) = flights.join(name(1)) else { panic!() };
        assert!(matches!(flights.join(name(2)), Joined::First(..)));
        landing.land(ANSWER);
        assert_eq!(first.answer().await, Some(ANSWER));
        assert_eq!(another.answer().await, Some(ANSWER));
        assert!(matches!(flights.join(name(1)), Joined::First(..)));
    }

    #[tokio::test]
    async fn who_gives_up_lets_the_others_know_and_the_next_one_try() {
        let flights = Arc::new(Flights::default());
        let Joined::First(first, landing) = flights.join(name(1)) else { panic!() };
        drop(landing);
        assert_eq!(first.answer().await, None);
        assert!(matches!(flights.join(name(1)), Joined::First(..)));
    }

    #[tokio::test]
    async fn there_are_only_so_many() {
        let flights = Arc::new(Flights::default());
        let all: Vec<_> = (0..FLIGHTS_MAX).map(|number| flights.join(name(number))).collect();
        assert!(all.iter().all(|joined| matches!(joined, Joined::First(..))));
        assert!(matches!(flights.join(name(FLIGHTS_MAX)), Joined::Full));
        assert!(matches!(flights.join(name(0)), Joined::Another(_)));
        drop(all);
        assert!(matches!(flights.join(name(FLIGHTS_MAX)), Joined::First(..)));
    }
}
