use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_mins(1);
const START: u64 = 1_700_000_000_000_000_000;

/// Judges requests at these milliseconds; whether each was admitted.
fn admitted(rate: Rate, millis: &[u64]) -> Vec<bool> {
    let mut level = None;
    let at = |millis: &u64| Timestamp::from_nanos(START + millis * 1_000_000);
    millis.iter().map(|now| step(rate, &mut level, at(now))).collect()
}

fn rate(requests: u64, burst: u64) -> Rate {
    Rate::new(requests, MINUTE, burst, 0)
}

fn step(rate: Rate, stored: &mut Option<Level>, now: Timestamp) -> bool {
    let (admitted, level) = match rate.draw(*stored, (1, 1), now) {
        Ok(Drawn { state, tokens }) => (tokens == 1, state),
        Err(Short { state, .. }) => (false, state),
    };
    *stored = Some(level);
    admitted
}

fn wait(rate: Rate, level: Level, cost: u64, now: Timestamp) -> Option<Duration> {
    rate.draw(Some(level), (cost, cost), now).unwrap_err().wait
}

#[test]
fn burst_is_admitted_at_once_then_one_per_interval() {
    let rate = rate(60, 3);
    assert_eq!(
        admitted(rate, &[0, 0, 0, 0, 999, 1000, 1000, 4000, 4000, 4000, 4000]),
        [true, true, true, false, false, true, false, true, true, true, false],
    );
}

#[test]
fn remainder_says_how_many_and_when_one_more() {
    let rate = rate(10, 10);
    let now = Timestamp::from_nanos(START);
    let left = |missing: u64| {
        let full_at = now.plus(Duration::from_secs(missing));
        let left = rate.remainder(Some(Level { full_at, drawn_at: now }), now);
        (left.tokens, left.grows_in.unwrap().as_secs())
    };
    assert_eq!(left(0), (10, 6));
    assert_eq!(left(6), (9, 6));
    assert_eq!(left(8), (8, 2));
    assert_eq!(left(54), (1, 6));
    assert_eq!(left(55), (0, 1));
    assert_eq!(left(60), (0, 6));
}

#[test]
fn clock_set_back_keeps_what_was_missing() {
    let rate = rate(10, 10);
    let then = Timestamp::from_nanos(START);
    let drawn = Level { full_at: then.plus(MINUTE), drawn_at: then };
    for (back, expected) in [(JITTER, 6_010), (JITTER * 2, 6_000), (MINUTE * 1_440, 6_000)] {
        let told = wait(rate, drawn, 1, then.minus(back)).unwrap();
        assert_eq!(told.as_millis(), expected, "{back:?} back");
    }
}

#[test]
fn no_more_than_what_may_be_owed_is_missing() {
    let rate = rate(10, 10);
    let now = Timestamp::from_nanos(START);
    let garbage = Level { full_at: Timestamp::from_nanos(u64::MAX), drawn_at: now };
    let state = Level { full_at: now.plus(MINUTE * 2), drawn_at: now };
    let wait = Some(Duration::from_secs(66));
    assert_eq!(rate.draw(Some(garbage), (1, 1), now), Err(Short { wait, state }));
}

#[test]
fn an_older_reading_of_the_clock_does_not_make_the_draw_older() {
    let rate = rate(60, 3);
    let now = Timestamp::from_nanos(START);
    let later = now.plus(JITTER);
    let drawn = Level { full_at: later.plus(Duration::from_secs(1)), drawn_at: later };
    let full_at = later.plus(Duration::from_secs(2));
    let left = Level { full_at, drawn_at: later };
    assert_eq!(rate.draw(Some(drawn), (1, 1), now), Ok(Drawn { tokens: 1, state: left }));
}

#[test]
fn giving_back_undoes_what_was_taken() {
    let rate = rate(60, 3);
    let at = |millis: u64| Timestamp::from_nanos(START + millis * 1_000_000);
    let admit = |level, now| rate.draw(level, (1, 1), now).unwrap().state;
    let taken = admit(None, at(0));
    // Nobody else drew: as full as before.
    assert_eq!(rate.give_back(taken, 1, taken).full_at, at(0));
    // Somebody drew at the same time: one request is missing.
    let level = admit(Some(taken), at(0));
    assert_eq!(rate.give_back(level, 1, taken).full_at, at(1_000));
    // Somebody drew when half of the first share was there again.
    let level = admit(Some(taken), at(500));
    assert_eq!(rate.give_back(level, 1, taken).full_at, at(1_500));
    // Somebody drew when all of it was.
    let level = admit(Some(taken), at(1_200));
    assert_eq!(rate.give_back(level, 1, taken).full_at, at(2_200));
}

#[test]
fn several_tokens_are_drawn_at_once_or_an_eighth_of_those_there() {
    let rate = rate(60, 80);
    let now = Timestamp::from_nanos(START);
    let drawn = rate.draw(None, (1, 4), now).unwrap();
    assert_eq!(drawn.tokens, 4);
    let drawn = rate.draw(Some(drawn.state), (1, 30), now).unwrap();
    assert_eq!(drawn.tokens, 9);
    let drawn = rate.draw(Some(drawn.state), (67, 90), now).unwrap();
    assert_eq!(drawn.tokens, 67);
    assert_eq!(wait(rate, drawn.state, 2, now), Some(Duration::from_secs(2)));
    assert_eq!(wait(rate, drawn.state, 80, now), Some(Duration::from_secs(80)));
    assert_eq!(wait(rate, drawn.state, 81, now), None);
}

#[test]
fn tokens_that_were_not_spent_are_there_again() {
    let rate = rate(60, 10);
    let now = Timestamp::from_nanos(START);
    let taken = rate.draw(None, (8, 8), now).unwrap().state;
    let after = rate.draw(Some(taken), (1, 1), now).unwrap().state;
    assert_eq!(rate.remainder(Some(after), now).tokens, 1);
    let level = rate.give_back(after, 5, taken);
    assert_eq!(rate.remainder(Some(level), now).tokens, 6);
}

#[test]
fn credit_is_saved_while_quiet_and_bounded() {
    let rate = Rate::new(60, MINUTE, 2, 3);
    let at = |seconds: u64| Timestamp::from_nanos(START + seconds * 1_000_000_000);
    assert_eq!(rate.remainder(None, at(0)).tokens, 2);
    let mut level = Some(rate.draw(None, (2, 2), at(0)).unwrap().state);
    assert_eq!(rate.saved(2), Some(0));
    for (seconds, tokens) in [(2, 2), (4, 4), (5, 5), (900, 5)] {
        assert_eq!(rate.remainder(level, at(seconds)).tokens, tokens, "{seconds} s");
    }
    assert_eq!(rate.saved(5), Some(3));
    let admitted = (0..9).filter(|_| step(rate, &mut level, at(900))).count();
    assert_eq!(admitted, 5);
}

#[test]
fn what_was_spent_already_is_charged_up_to_one_allowance_more() {
    let rate = rate(60, 10);
    let now = Timestamp::from_nanos(START);
    let level = rate.charge(None, 4, now);
    assert_eq!(rate.remainder(Some(level), now).tokens, 6);
    for (tokens, wait_seconds) in [(8, 3), (16, 11), (17, 11), (u64::MAX, 11)] {
        let owing = rate.charge(Some(level), tokens, now);
        let told = wait(rate, owing, 1, now);
        assert_eq!(told, Some(Duration::from_secs(wait_seconds)), "{tokens}");
    }
}

#[test]
fn a_rate_is_lifted_and_shared() {
    let scaled = |millionths| {
        let Rate { interval, capacity, burst, whole: _ } =
            Rate::new(100, MINUTE, 10, 20).scaled(Scale(millionths));
        (interval / 1_000_000, capacity, burst)
    };
    assert_eq!(scaled(1_000_000), (600, 30, 10));
    assert_eq!(scaled(5_000_000), (120, 150, 50));
    assert_eq!(scaled(400_000), (1_500, 12, 4));
    assert_eq!(scaled(1_000), (600_000, 1, 1));
    assert_eq!(scaled(0), (600_000_000, 1, 1));
}

#[test]
fn a_factor_is_told_as_a_decimal() {
    for (millionths, text) in
        [(1_000_000, "1"), (5_000_000, "5"), (1_500_000, "1.5"), (333_333, "0.333"), (0, "0")]
    {
        assert_eq!(Scale(millionths).to_string(), text);
    }
}

fn rates() -> impl Strategy<Value = (u64, Duration, u64)> {
    (1u64..2_000, prop::sample::select(vec![1u64, 60, 3_600]), 1u64..=10).prop_flat_map(
        |(requests, seconds, times)| {
            (Just(requests), Just(Duration::from_secs(seconds)), 1..=requests * times)
        },
    )
}

proptest! {
    /// However requests are spaced, no stretch of time admits more than the
    /// burst plus what refilled during it.
    #[test]
    fn never_admits_more_than_burst_plus_refill(
        (requests, period, burst) in rates(),
        gaps in prop::collection::vec((0u64..4, 0u64..1_000), 1..300),
    ) {
        let rate = Rate::new(requests, period, burst, 0);
        let interval = nanos(period) / requests;
        let mut level = None;
        let mut now = START;
        let mut admitted = Vec::new();
        for (intervals, thousandths) in gaps {
            now += interval * intervals * thousandths / 1_000;
            if step(rate, &mut level, Timestamp::from_nanos(now)) {
                admitted.push(now);
            }
        }
        for (first, from) in admitted.iter().enumerate() {
            for (last, to) in admitted.iter().enumerate().skip(first) {
                let count = (last - first + 1) as u64;
                prop_assert!(count <= burst + (to - from) / interval);
            }
        }
    }

    /// Time that really passes counts once, whatever the clock shows: set
    /// back, it admits nothing extra, and it locks nobody out for longer
    /// than one period.
    #[test]
    fn clock_set_back_admits_nothing_extra_and_locks_nobody_out(
        (requests, period, burst) in rates(),
        before in 0u32..50,
        back in 0u64..200_000_000_000_000,
        after in 1u32..50,
    ) {
        let rate = Rate::new(requests, period, burst, 0);
        let mut level = None;
        let then = Timestamp::from_nanos(START);
        let used = (0..before).filter(|_| step(rate, &mut level, then)).count();
        let now = Timestamp::from_nanos(START - back);
        let more = (0..after).filter(|_| step(rate, &mut level, now)).count();
        prop_assert!(used + more <= usize::try_from(burst).unwrap());
        prop_assert!(step(rate, &mut level, now.plus(period + JITTER)));
    }

    /// What is said to be left is what is admitted.
    #[test]
    fn remainder_is_what_is_admitted(
        (requests, period, burst) in rates(),
        share in 0u64..=1_000,
    ) {
        let rate = Rate::new(requests, period, burst, 0);
        let now = Timestamp::from_nanos(START);
        let ahead = rate.refill() / 1_000 * share;
        let full_at = Timestamp::from_nanos(START + ahead);
        let mut stored = Some(Level { full_at, drawn_at: now });
        let left = rate.remainder(stored, now);
        let admitted = (0..=burst).filter(|_| step(rate, &mut stored, now)).count();
        prop_assert_eq!(admitted as u64, left.tokens);
        prop_assert!(step(rate, &mut stored, now.plus(left.grows_in.unwrap())));
    }

    /// Whatever is asked of it, and however large, an allowance is never
    /// more than itself.
    #[test]
    fn no_number_makes_a_limit_unlimited(
        requests: u64, seconds in 0u64..1u64 << 40, burst: u64, credit: u64, scale: u32,
        full_at: u64, drawn_at: u64, now: u64, cost: u64, wanted: u64, tokens: u64,
    ) {
        let rate = Rate::new(requests, Duration::from_secs(seconds), burst, credit);
        let rate = rate.scaled(Scale(scale));
        let [full_at, drawn_at, now] = [full_at, drawn_at, now].map(Timestamp::from_nanos);
        let level = Level { full_at, drawn_at };
        if let Ok(drawn) = rate.draw(Some(level), (cost, wanted), now) {
            prop_assert!(cost <= drawn.tokens && drawn.tokens <= rate.capacity());
            let _ = rate.give_back(drawn.state, tokens, level);
        }
        prop_assert!(rate.remainder(Some(rate.charge(Some(level), tokens, now)), now).tokens <= rate.capacity());
    }
}

#[test]
fn whoever_asks_for_more_than_a_share_waits_for_a_larger_one() {
    let whole = Rate::new(100, MINUTE, 10, 0);
    let share = whole.shared(Scale(100_000));
    let now = Timestamp::from_seconds(1_000);
    let Drawn { state, .. } = share.draw(None, (1, 1), now).unwrap();
    // Of the share alone the next one would be there in six seconds.
    let told = share.draw(Some(state), (1, 1), now).unwrap_err().wait;
    assert_eq!(told, Some(Duration::from_millis(1_600)));
    assert_eq!(share.remainder(Some(state), now).grows_in, told);
    assert!(share.draw(None, (10, 10), now).unwrap_err().wait.is_some());
    assert_eq!(share.draw(None, (11, 11), now).unwrap_err().wait, None);
    // And nobody waits longer than for that.
    let nearly = whole.shared(Scale(990_000));
    let Drawn { state, .. } = nearly.draw(None, (9, 9), now).unwrap();
    let told = nearly.draw(Some(state), (1, 1), now).unwrap_err().wait.unwrap();
    assert!(told < Duration::from_millis(610), "{told:?}");
}
